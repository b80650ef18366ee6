/** The command line: the table of commands, and the run of one of them. */

import { Command, CommanderError } from 'commander';
import { actIn, type Context } from './command.js';
import { startCommand, type Start } from './commands/start.js';
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
  readonly start: Start;
}

/** Resolves with the exit code. */
export async function runCommandLine({
  argv,
  environment,
  stdout,
  stderr,
  release,
  start,
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
  startCommand(program, act, start);
  // A node that starts waits for nothing that it does not need.
  if (argv[0] !== 'start') await (await import('./commands/all.js')).otherCommands(program, act, argv);
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
