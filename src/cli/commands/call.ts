/** `call`: a client of NLM 4 for any server, to try a lock without mounting anything. */

import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { bytesOfText } from '../../admin/text.js';
import { LedgerError } from '../../base/errors.js';
import {
  callCancel,
  callFreeAll,
  callLock,
  callNmLock,
  callNull,
  callTest,
  callUnlock,
  type CallResult,
} from '../call/operations.js';
import { integerOf, lockOf, type LockOptions } from '../call/options.js';
import { findServer, notifyReboot, type Server } from '../call/server.js';
import { lockAndWait } from '../call/wait.js';
import { given, whole, withJson, type Act, type Context, type NodeOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { callJson, callLines } from '../render/call.js';

interface CallOptions extends NodeOptions, LockOptions {
  readonly args: [operation: string];
  readonly server: string;
  readonly port?: number;
  readonly udp?: boolean;
  readonly timeout: number;
  readonly exclusive?: boolean;
  readonly shared?: boolean;
  readonly block?: boolean;
  readonly reclaim?: boolean;
  readonly state?: string;
  readonly callbackPort?: number;
}

const OPERATIONS = ['null', 'test', 'lock', 'unlock', 'cancel', 'nm-lock', 'free-all', 'notify'] as const;
const PORT_MAX = 65_535;

export function callCommand(program: Command, act: Act): void {
  const call = withJson(program.command('call'))
    .description('speaks NLM 4 to any server: takes, tests and gives back locks')
    .argument('<operation>', OPERATIONS.join(', '))
    .option('--server <host>', 'the server', '127.0.0.1')
    .option(
      '--port <n>',
      "its port of NLM (notify: of NSM); without it, the server's rpcbind is asked",
      whole(1, PORT_MAX),
    )
    .option('--udp', 'over UDP, not TCP')
    .option('--file <name>', 'a made-up file handle: the first 16 bytes of the SHA-256 of the name')
    .option('--fh <hex>', 'the NFS file handle itself')
    .option('--offset <n>', 'first byte', '0')
    .option('--length <n>', 'bytes; 0 is to the end of the file', '0')
    .addOption(new Option('--exclusive', 'a write lock (as when neither is given)').conflicts('shared'))
    .addOption(new Option('--shared', 'a read lock'))
    .option('--block', 'lock: wait until it is granted')
    .option('--callback-port <n>', 'lock --block: take the callback of the server on this port', whole(0, PORT_MAX))
    .option('--reclaim', 'lock: reclaim it, as a client does in grace')
    .option('--state <n>', "the client's NSM state (notify: the new one)")
    .option('--svid <n>', 'number of the owner within the client', '1')
    .option('--oh <text>', 'owner handle; without it SVID@CALLER, as Linux has it')
    .option('--caller <name>', 'caller_name: who the client says it is', hostname())
    .option('--timeout <seconds>', 'for one answer of the server', whole(1, 3600), 10)
    .addHelpText(
      'after',
      `
The lock stays after the command has ended: unlock it with the same --file, --svid, --oh and --caller.

Waiting: a server calls a client back on the port that the client's rpcbind names, and this client registers none.
With --callback-port N it listens there; the server must know that port (nlm-ledger: "clients" in the configuration,
{"network": "…", "callbackPort": N}). Without it the LOCK is repeated every second until it is granted. An interrupt
sends CANCEL.

Exit code: 0 GRANTED or answered, 20 + the NLM status otherwise (21 DENIED, 23 BLOCKED, 24 GRACE, 25 DEADLCK, …).

Examples:
  nlm-ledger call lock --file report.odt --port 4045
  nlm-ledger call lock --file report.odt --port 4045 --svid 2 --block
  nlm-ledger call test --fh 43000000 --server nas1 --shared --offset 100 --length 50
  nlm-ledger call unlock --file report.odt --port 4045
  nlm-ledger call notify --caller client1 --state 5 --port 4046`,
    );
  act<CallOptions>(call, runCall);
}

async function runCall(options: CallOptions, context: Context): Promise<number> {
  const { output } = context;
  const { server, port } = options;
  const where = { server, udp: options.udp === true, timeMsMax: options.timeout * 1000, ...given({ port }) };
  if (options.args[0] === 'notify') {
    if (options.state === undefined)
      throw new LedgerError('bad-request', 'notify needs --state N: odd, and newer than the last');
    const state = integerOf('--state', options.state, -(2 ** 31), 2 ** 31 - 1);
    const change = { mon_name: bytesOfText(options.caller), state };
    // Over UDP, as every client's host sends it: the notice ends the connections that its sender had.
    await reached(notifyReboot({ ...where, udp: true }, change, output.note));
    return print({ operation: 'SM_NOTIFY' }, options, context);
  }
  const run = operationOf(options, context);
  return print(await reached(findServer(where, output.note).then(run)), options, context);
}

/** What to do next is not the same for a server that may be any as for a node of ours. */
async function reached<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof LedgerError) || (cause.code !== 'unavailable' && cause.code !== 'timeout')) throw cause;
    const next = 'is a lock server there? name it: --server HOST --port N, or try --udp';
    throw new LedgerError(cause.code, cause.message, { cause, details: { next, ...cause.details } });
  }
}

/** Everything that can be wrong with the options is found before the server is asked anything. */
function operationOf(options: CallOptions, context: Context): (server: Server) => Promise<CallResult> {
  const [operation] = options.args;
  const exclusive = options.shared !== true;
  switch (operation) {
    case 'null':
      return callNull;
    case 'free-all':
      return (server) => callFreeAll(server, options.caller);
    case 'test':
    case 'unlock':
    case 'cancel': {
      const alock = lockOf(options);
      if (operation === 'unlock') return (server) => callUnlock(server, alock);
      return (server) => (operation === 'test' ? callTest : callCancel)(server, alock, exclusive);
    }
    case 'lock':
    case 'nm-lock': {
      const state = options.state === undefined ? 0 : integerOf('--state', options.state, -(2 ** 31), 2 ** 31 - 1);
      const block = options.block === true;
      const request = { alock: lockOf(options), exclusive, block, reclaim: options.reclaim === true, state };
      if (operation === 'nm-lock') return (server) => callNmLock(server, request);
      if (!block) return (server) => callLock(server, request);
      const { callbackPort } = options;
      const onBlocked = (): void => context.output.note('BLOCKED: waiting for it');
      return (server) =>
        lockAndWait(server, request, { signal: context.interrupted(), onBlocked, ...given({ callbackPort }) });
    }
    default:
      throw new LedgerError(
        'bad-request',
        `there is no operation ${JSON.stringify(operation)}: ${OPERATIONS.join(', ')}`,
      );
  }
}

function print(result: CallResult, options: CallOptions, { output }: Context): number {
  if (options.json === true) output.json(callJson(result));
  else output.lines(callLines(result, output.paint));
  return result.status === undefined || result.status === 0 ? EXIT.done : EXIT.nlmStatus + result.status;
}
