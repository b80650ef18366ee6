/** `doctor`: names the missing piece, and what to do. With and without a running node. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { given, withNode, type Act, type NodeOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { findingLines } from '../render/doctor.js';

interface DoctorOptions extends NodeOptions {
  readonly config?: string;
}

const EXIT_OF_LEVEL = { ok: EXIT.done, warn: EXIT.warned, fail: EXIT.failing } as const;

export function doctorCommand(program: Command, act: Act): void {
  const doctor = withNode(program.command('doctor'))
    .description('looks for what keeps clients from locking, and says what to do')
    .option('--config <file>', "the node's configuration, where it has one")
    .addHelpText(
      'after',
      `
One line a finding: ok, warn or fail, the check, what was seen, and what to do. It sends NULL calls to known clients,
writes a small file in the data folder to measure the disk, and registers a program of nobody with rpcbind for a
moment where no node runs. As root it sees more.

Exit code: 0 nothing to do, 12 there are warnings, 13 something fails.

Examples:
  nlm-ledger doctor
  nlm-ledger doctor --config /etc/nlm-ledger.json
  nlm-ledger doctor --json | jq '.findings[] | select(.level != "ok")'`,
    );
  act<DoctorOptions>(doctor, async (options, { output, environment, now }) => {
    // Loaded here alone: every other command begins in a fraction of the time.
    const [{ loadConfiguration }, { gather }, { examine }, { worst }, { defaultDataFolder, defaultSocketPath }] =
      await Promise.all([
        import('../../config/load.js'),
        import('../../doctor/gather.js'),
        import('../../doctor/examine.js'),
        import('../../doctor/finding.js'),
        import('../../host/paths.js'),
      ]);
    const configuration = await loadConfiguration(given({ file: options.config }), {
      nodeName: hostname(),
      data: defaultDataFolder(environment),
      socket: (data) => defaultSocketPath(data, environment),
    });
    const named = options.socket ?? (options.config === undefined ? undefined : configuration.socket);
    const socket = socketPathOf(named, environment);
    const scene = await gather(
      configuration,
      socket,
      (procedure, request) => askNode(socket, procedure, request),
      now(),
    );
    const findings = await examine(scene);
    const level = worst(findings);
    if (options.json === true) output.json({ worst: level, findings });
    else output.lines(findingLines(findings, output.paint));
    return EXIT_OF_LEVEL[level];
  });
}
