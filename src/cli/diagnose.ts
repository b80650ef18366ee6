/** The examination of a host and its node, and what it found, printed. Loaded by `doctor` alone. */

import { hostname } from 'node:os';
import { loadConfiguration } from '../config/load.js';
import { examine } from '../doctor/examine.js';
import { worst } from '../doctor/finding.js';
import { gather } from '../doctor/gather.js';
import { defaultDataFolder, defaultSocketPath } from '../host/paths.js';
import { given, type Context } from './command.js';
import type { DoctorOptions } from './commands/doctor.js';
import { EXIT } from './exit-codes.js';
import { askNode, socketPathOf } from './node-client.js';
import { findingLines } from './render/doctor.js';

const EXIT_OF_LEVEL = { ok: EXIT.done, warn: EXIT.warned, fail: EXIT.failing } as const;

export async function diagnose(options: DoctorOptions, { output, environment, now }: Context): Promise<number> {
  const configuration = await loadConfiguration(given({ file: options.config }), {
    nodeName: hostname(),
    data: defaultDataFolder(environment),
    socket: (data) => defaultSocketPath(data, environment),
  });
  const named = options.socket ?? (options.config === undefined ? undefined : configuration.socket);
  const socket = socketPathOf(named, environment);
  const scene = await gather(configuration, socket, (procedure, request) => askNode(socket, procedure, request), now());
  const findings = await examine(scene);
  const level = worst(findings);
  if (options.json === true) output.json({ worst: level, findings });
  else output.lines(findingLines(findings, output.paint));
  return EXIT_OF_LEVEL[level];
}
