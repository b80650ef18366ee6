/** The command line: the table of commands, and the run of one of them. */

import { Command, CommanderError } from 'commander';
import { actIn, type Context } from './command.js';
import type { Compose } from './commands/start.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { openOutput, type Environment, type Screen } from './output.js';
import { interruption } from './signals.js';

export interface CommandLine {
  /** Without the interpreter and the script. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly release: string;
  readonly compose: Compose;
}

/** Resolves with the exit code. */
export async function runCommandLine({
  argv,
  environment,
  stdout,
  stderr,
  release,
  compose,
}: CommandLine): Promise<number> {
  const output = openOutput(stdout, stderr, environment);
  const context: Context = { output, environment, stdout, stderr, now: () => Date.now(), interrupted: interruption };
  let exit: number = EXIT.done;
  const act = actIn(context, (code) => {
    exit = code;
  });
  const program = new Command('nlm-ledger')
    .description('A network lock manager for NFSv3 whose memory is a ledger.')
    .version(release)
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError('(see --help)')
    .addHelpText('after', afterHelp());
  // In the order of the help. Where the command line names its command, the others are not loaded: a start would wait for them.
  const commands: readonly (readonly [names: readonly string[], describe: () => Promise<void>])[] = [
    [['start'], async () => (await import('./commands/start.js')).startCommand(program, act, compose)],
    [['status', 'groups'], async () => (await import('./commands/status.js')).statusCommands(program, act)],
    [
      ['unlock-ip', 'unlock-fs', 'unlock-client', 'unlock-lock'],
      async () => (await import('./commands/unlock.js')).unlockCommands(program, act),
    ],
    [['notify', 'notify-status'], async () => (await import('./commands/notify.js')).notifyCommands(program, act)],
    [['locks', 'waiters'], async () => (await import('./commands/locks.js')).locksCommands(program, act)],
    [['grace'], async () => (await import('./commands/grace.js')).graceCommands(program, act)],
    [['release', 'take'], async () => (await import('./commands/takeover.js')).takeoverCommands(program, act)],
    [['watch', 'trace'], async () => (await import('./commands/watch.js')).watchCommands(program, act)],
    [['call'], async () => (await import('./commands/call.js')).callCommand(program, act)],
    [['doctor'], async () => (await import('./commands/doctor.js')).doctorCommand(program, act)],
    [['audit'], async () => (await import('./commands/audit.js')).auditCommands(program, act, argv.includes('audit'))],
    [
      ['ledger'],
      async () => (await import('./commands/ledger.js')).ledgerCommands(program, act, argv.includes('ledger')),
    ],
  ];
  const named = commands.filter(([names]) => names.includes(argv[0] ?? ''));
  for (const [, describe] of named.length > 0 ? named : commands) await describe();
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

function afterHelp(): string {
  const width = Math.max(...EXIT_CODES.map(([code]) => code.length));
  return [
    '',
    'Examples:',
    '  nlm-ledger start                                     a node on loopback, port 4045',
    '  nlm-ledger call lock --file demo --port 4045         takes a lock, as an NFS client would',
    '  nlm-ledger locks                                     lists it',
    '  nlm-ledger unlock-ip 127.0.0.1 --dry-run             says what would be dropped',
    '',
    'Exit codes:',
    ...EXIT_CODES.map(([code, meaning]) => `  ${code.padEnd(width)}  ${meaning}`),
  ].join('\n');
}
