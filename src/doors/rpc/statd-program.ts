/**
 * What the host's statd calls on loopback, where it watches our clients: NLM procedure 16, from a privileged port and
 * with the `priv` that it was given. Nothing else is served here: locks come in through server addresses.
 */

import { isLoopbackAddress, parseAddress, type Address } from '../../base/address.js';
import { LedgerError } from '../../base/errors.js';
import { RateLimiter } from '../../base/rate.js';
import type { Bytes } from '../../base/bytes.js';
import type { Command } from '../../core/command.js';
import type { Settle } from '../../engine/settled.js';
import { NLM_PROGRAM, nlmProcedure } from '../../nlm/procedures.js';
import type { RpcCall } from '../../rpc/message.js';
import { VOID } from '../../xdr/codec.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { Caller, RpcProgram, Transport } from './caller.js';
import { NLM_VERSIONS } from './nlm-program.js';
import { NOTICES } from './notices.js';

export interface StatdProgramOptions {
  readonly submit: (command: Command, settle: Settle) => void;
  /** The client's reboot is told; nothing is decided yet. */
  readonly onNotice: (address: Address) => void;
  readonly onReboot: (address: Address) => void;
  /** The `priv` of our SM_MON for this client. */
  readonly privOf: (client: Address) => Bytes | undefined;
}

const PRIVILEGED_PORT_MAX = 1023;

export class StatdProgram implements RpcProgram {
  readonly number = NLM_PROGRAM;
  readonly versions = NLM_VERSIONS;
  readonly #options: StatdProgramOptions;
  /** By client: the caller is always this host. */
  readonly #notices = new RateLimiter(NOTICES);

  constructor(options: StatdProgramOptions) {
    this.#options = options;
  }

  /** Whether a call of procedure 16 is from where a statd of this host calls. */
  static isFromStatd({ address, port }: Caller): boolean {
    return isLoopbackAddress(address) && port <= PRIVILEGED_PORT_MAX;
  }

  serve({ version, procedure: number, xid }: RpcCall, reader: XdrReader, transport: Transport): void {
    const procedure = nlmProcedure(version, number);
    if (procedure?.kind !== 'void') return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
    if (procedure.operation === 'NULL') return transport.succeed(xid, VOID, undefined);
    if (procedure.operation !== 'SM_NOTIFY' || !StatdProgram.isFromStatd(transport.caller)) {
      return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
    }
    const { mon, state, priv } = procedure.args.decode(reader);
    const address = addressOf(mon);
    if (!this.#notices.admits(address ?? mon, performance.now())) return transport.forget(xid);
    const isOurs = address !== undefined && this.#options.privOf(address) === priv;
    const command: Command = isOurs
      ? { type: 'reboot', client: { name: mon, address }, state }
      : {
          type: 'record-refusal',
          what: 'sm-notify',
          client: { name: mon, address: transport.caller.address },
          detail: 'a callback of statd without our priv',
        };
    if (isOurs) this.#options.onNotice(address);
    this.#options.submit(command, (settled) => {
      if (settled.type === 'withheld') return transport.forget(xid);
      transport.succeed(xid, VOID, undefined);
      if (isOurs && settled.outcome.type === 'rebooted') this.#options.onReboot(address);
    });
  }
}

/** We give statd addresses for names. */
function addressOf(mon: Bytes): Address | undefined {
  try {
    return parseAddress(mon);
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
