/** `start`: runs a node. These options stand above the configuration file, and outside tools rely on their names. */

import { Option, type Command } from 'commander';
import { collect, whole, type Act, type Context } from '../command.js';

export interface StartOptions {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: readonly string[];
  readonly nlmPort?: number;
  readonly nsmPort?: number;
  readonly portmap?: string;
  readonly nsm?: string;
  readonly portmapPort?: number;
  readonly control?: string;
  readonly socket?: string;
  readonly logLevel?: string;
  readonly firstStart?: string;
}

/** Runs a node to its end: src/start.ts. Returns the exit code. */
export type Start = (options: StartOptions, context: Context) => Promise<number>;

const PORT_MAX = 65_535;

export function startCommand(program: Command, act: Act, run: Start): void {
  const start = program
    .command('start')
    .description('runs a node until it is told to stop (SIGTERM or SIGINT; a second one ends it at once)')
    .option('--config <file>', 'configuration, JSON, as schemas/configuration.json describes it')
    .option('--data <dir>', 'where the ledger lies')
    .option('--listen <address>', 'a server address to serve, also one that comes later; repeatable', collect)
    .option('--nlm-port <n>', 'port of NLM, TCP and UDP, on every address', whole(1, PORT_MAX))
    .option('--nsm-port <n>', 'port of NSM, TCP and UDP, on every address', whole(1, PORT_MAX))
    .addOption(
      new Option('--portmap <how>', "register with the host's rpcbind, be the portmapper, or neither").choices([
        'system',
        'embedded',
        'off',
      ]),
    )
    .option('--portmap-port <n>', 'port of the embedded portmapper', whole(1, PORT_MAX))
    .addOption(
      new Option(
        '--nsm <how>',
        "who learns of clients' reboots: this node, the host's own statd, or nobody (default: this node, where no statd is there)",
      ).choices(['own', 'host', 'none']),
    )
    .option('--control <dir>', 'mount point of the control files, or off')
    .option('--socket <path>', 'the Unix socket of the command line')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .addOption(
      new Option('--first-start <how>', 'whether clients may hold locks of another lock manager').choices([
        'none',
        'grace',
      ]),
    )
    .addHelpText(
      'after',
      `
Options stand above the configuration file. A restart is the reload: locks, waiters and their order survive it, and
clients do not notice. Off a terminal the log is JSON lines on stderr.

Examples:
  nlm-ledger start
  nlm-ledger start --listen 10.1.1.2 --listen 10.1.1.3 --data /var/lib/nlm-ledger
  nlm-ledger start --config /etc/nlm-ledger.json --portmap off`,
    );
  act<StartOptions>(start, run);
}
