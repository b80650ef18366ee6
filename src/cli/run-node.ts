/** The run of a node: configuration, log, start, what it says of itself, and a clean stop. Loaded by `start` alone. */

import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { callAdmin } from '../admin/call.js';
import type { StatusReply } from '../admin/messages.js';
import type { AdminPort } from '../admin/port.js';
import type { Configuration } from '../config/configuration.js';
import { loadConfiguration } from '../config/load.js';
import { defaultDataFolder, defaultSocketPath } from '../host/paths.js';
import { given, type Context } from './command.js';
import type { StartOptions } from './commands/start.js';
import { EXIT } from './exit-codes.js';
import { openLog } from './log.js';
import { socketPathOf } from './node-client.js';

interface RunningNode {
  readonly admin: AdminPort;
  /** Closes the doors, waits for what is on its way to the disk, seals the ledger. */
  close(): Promise<void>;
}

/** Wires a node together: src/compose.ts. */
type Compose = (configuration: Configuration, options: { readonly logger: Logger }) => Promise<RunningNode>;

export async function runNode(options: StartOptions, context: Context, compose: Compose): Promise<number> {
  const { environment, output, stdout, stderr } = context;
  const configuration = await loadConfiguration(sourceOf(options), {
    nodeName: hostname(),
    data: defaultDataFolder(environment),
    socket: (data) => defaultSocketPath(data, environment),
  });
  const logger = openLog(configuration.logLevel, stderr, environment);
  const stop = context.interrupted();
  const node = await compose(configuration, { logger });
  try {
    const call = { procedure: 'status', request: {}, actor: 'node', door: 'start', commandId: '', now: context.now() };
    // The cast states what the table of procedures says of `status`.
    const status = (await callAdmin(node.admin, call)) as StatusReply;
    if (stdout.isTTY === true) {
      const { welcomeLines } = await import('./render/welcome.js');
      const found = socketPathOf(undefined, environment) === configuration.socket;
      output.lines(welcomeLines(status, configuration, found, output.paint));
    } else {
      logger.info(
        { listeners: status.listeners, data: status.data, socket: configuration.socket, notes: status.notes },
        'serving',
      );
    }
    await aborted(stop);
    logger.info({}, 'stopping; a second signal ends it at once');
  } finally {
    await node.close();
  }
  logger.info({}, 'stopped');
  return EXIT.done;
}

function sourceOf(options: StartOptions): Parameters<typeof loadConfiguration>[0] {
  const { config, data, listen, nlmPort, nsmPort, portmap, portmapPort, nsm, control, socket, logLevel, firstStart } =
    options;
  const over = given({
    data,
    listen,
    nlmPort,
    nsmPort,
    portmap,
    portmapPort,
    nsm,
    control,
    socket,
    logLevel,
    firstStart,
  });
  return { ...given({ file: config }), options: over };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
