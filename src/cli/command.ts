/** What every command is made of: options in, lines out, an exit code back. */

import { type Command, InvalidArgumentError } from 'commander';
import { report, type Environment, type Output, type Screen } from './output.js';

export interface Context {
  readonly output: Output;
  readonly environment: Environment;
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Aborts at the first SIGINT or SIGTERM; listening to it is what keeps the signal from ending the process. */
  readonly interrupted: () => AbortSignal;
}

export interface NodeOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

/** Of the commands that can ask every node of a cluster. */
export interface ClusterOptions extends NodeOptions {
  /** One or more servers, with commas between. */
  readonly nats?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly natsUser?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly expect?: readonly string[];
  readonly within?: number;
}

/** Returns the exit code. */
type Run<Options> = (options: Options, context: Context) => Promise<number>;

/** Binds a command to its function; what that throws is reported in one place. */
export type Act = <Options extends NodeOptions>(command: Command, run: Run<Options>) => void;

export function actIn(context: Context, onExit: (code: number) => void): Act {
  return (command, run) => {
    command.action(async () => {
      // Commander gives options without a type: those of the command, as it is described beside its function.
      const options = { ...command.optsWithGlobals(), args: command.processedArgs } as Parameters<typeof run>[0];
      try {
        onExit(await run(options, context));
      } catch (error) {
        onExit(report(error, context.output, options.json === true));
      }
    });
  };
}

/** The options of all that talk to a running node. */
export function withNode(command: Command): Command {
  return withJson(command).option('--socket <path>', "the node's Unix socket");
}

export function withCluster(command: Command): Command {
  return withNats(withNode(command))
    .option('--expect <node>', 'a node that must answer, besides those that are found; repeatable', collect)
    .option('--within <seconds>', 'wait so long for the answers of all', whole(1, 3600));
}

/** Orders that may be signed. */
export function withSign(command: Command): Command {
  return command.option(
    '--sign <file>',
    'sign the order with this seed (nkey), so that the ledger says who ordered it',
  );
}

/** Where NATS is, and who the caller is there. */
export function withNats(command: Command, what = 'ask every node'): Command {
  return command
    .option('--nats <url>', `${what} on this NATS server, as nats://host:4222; several with commas between`)
    .option('--creds <file>', 'NATS credentials (JWT and seed)')
    .option('--nkey <file>', 'the seed of an nkey')
    .option('--nats-user <name>', 'the user, its password in the environment: NATS_PASSWORD')
    .option('--tls-ca <file>', "PEM, the authority of the NATS server's certificate")
    .option('--tls-cert <file>', 'PEM, a certificate for the NATS server')
    .option('--tls-key <file>', 'PEM, its key');
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** A parser for commander. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`a whole number from ${min} to ${max} is expected.`);
  };
}

/** The request without what was not given. */
export function given<T extends object>(request: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // The cast states what the filter does.
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
