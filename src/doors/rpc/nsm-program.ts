/**
 * NSM, program 100024 version 1, behind the RPC door. SM_NOTIFY: whether a notice counts (a known client, its own
 * address, a newer state) is decided in the core, which records what is refused. What changes whom this node watches
 * or tells is for this host alone: from anywhere else it is answered as a failure, and nothing happens.
 */

import { isLoopbackAddress, type Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { RateLimiter } from '../../base/rate.js';
import type { Command } from '../../core/command.js';
import type { Settle } from '../../engine/settled.js';
import { NSM_PROGRAM, NSM_VERSION, nsmProcedure, type NsmProcedure } from '../../nsm/procedures.js';
import { STAT_FAIL, STAT_SUCC, type MyId } from '../../nsm/types.js';
import type { RpcCall } from '../../rpc/message.js';
import { VOID } from '../../xdr/codec.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { RpcProgram, Transport } from './caller.js';
import { NOTICES } from './notices.js';

export interface NsmProgramOptions {
  readonly submit: (command: Command, settle: Settle) => void;
  /** A client says that it has rebooted; nothing is decided yet. */
  readonly onNotice: (address: Address) => void;
  /** A client has rebooted, and what it held before is given up, durably. */
  readonly onReboot: (address: Address) => void;
  /** A notice was taken in; programs of this host may watch its sender. */
  readonly onHeard: (notice: { readonly name: Bytes; readonly address: Address; readonly state: number }) => void;
  /** The state of this host as its own programs see it; undefined before the first of them has asked. */
  readonly hostState: () => number | undefined;
  /** The command of SM_SIMU_CRASH. */
  readonly simulateCrash: () => Command;
}

/** As statd says it where there is none to tell. */
const NO_STATE = -1;

export class NsmProgram implements RpcProgram {
  readonly number = NSM_PROGRAM;
  readonly versions = [NSM_VERSION] as const;
  /** Calls that only this host may make, and that came from elsewhere. */
  notFromHere = 0;
  readonly #options: NsmProgramOptions;
  readonly #notices = new RateLimiter(NOTICES);

  constructor(options: NsmProgramOptions) {
    this.#options = options;
  }

  serve(call: RpcCall, reader: XdrReader, transport: Transport): void {
    const { version, procedure: number, xid } = call;
    const procedure = nsmProcedure(version, number);
    switch (procedure?.name) {
      case 'NULL':
        return transport.succeed(xid, VOID, undefined);
      case 'SM_STAT': {
        procedure.args.decode(reader);
        const res_stat = isLoopbackAddress(transport.caller.address) ? STAT_SUCC : STAT_FAIL;
        const state = this.#state();
        return transport.succeed(xid, procedure.result, { res_stat, state });
      }
      case 'SM_MON': {
        const { mon_id, priv } = procedure.args.decode(reader);
        const monitor = { monName: mon_id.mon_name, ...subscriberOf(mon_id.my_id), priv };
        const failed = (): void => transport.succeed(xid, procedure.result, { res_stat: STAT_FAIL, state: NO_STATE });
        if (!this.#isFromHere(transport)) return failed();
        return this.#options.submit({ type: 'monitor-host', monitor }, (settled) => {
          if (settled.type === 'withheld') return transport.forget(xid);
          if (settled.outcome.type === 'refused') return failed();
          const result = { res_stat: STAT_SUCC, state: this.#state() } as const;
          transport.succeed(xid, procedure.result, result);
        });
      }
      case 'SM_UNMON': {
        const { mon_name, my_id } = procedure.args.decode(reader);
        return this.#unmonitor(procedure, xid, transport, {
          type: 'unmonitor-host',
          subscriber: subscriberOf(my_id),
          monName: mon_name,
        });
      }
      case 'SM_UNMON_ALL': {
        const subscriber = subscriberOf(procedure.args.decode(reader));
        return this.#unmonitor(procedure, xid, transport, { type: 'unmonitor-host', subscriber });
      }
      case 'SM_SIMU_CRASH': {
        if (!this.#isFromHere(transport)) return transport.succeed(xid, VOID, undefined);
        return this.#options.submit(this.#options.simulateCrash(), (settled) => {
          if (settled.type === 'withheld') transport.forget(xid);
          else transport.succeed(xid, VOID, undefined);
        });
      }
      case 'SM_NOTIFY': {
        const { mon_name, state } = procedure.args.decode(reader);
        return this.#notify(xid, transport, mon_name, state);
      }
      default:
        return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
    }
  }

  #notify(xid: number, transport: Transport, name: Bytes, state: number): void {
    const { address } = transport.caller;
    if (!this.#notices.admits(address, performance.now())) return transport.forget(xid);
    this.#options.onNotice(address);
    this.#options.submit({ type: 'reboot', client: { name, address }, state }, (settled) => {
      if (settled.type === 'withheld') return transport.forget(xid);
      // The reply is void either way: NSM has no word for a refusal.
      transport.succeed(xid, VOID, undefined);
      if (settled.outcome.type === 'rebooted') this.#options.onReboot(address);
      if (settled.outcome.type !== 'refused') this.#options.onHeard({ name, address, state });
    });
  }

  #unmonitor(
    procedure: Extract<NsmProcedure, { name: 'SM_UNMON' | 'SM_UNMON_ALL' }>,
    xid: number,
    transport: Transport,
    command: Command,
  ): void {
    const answer = (): void => {
      const state = this.#state();
      transport.succeed(xid, procedure.result, { state });
    };
    if (!this.#isFromHere(transport)) return answer();
    this.#options.submit(command, (settled) => {
      if (settled.type === 'withheld') transport.forget(xid);
      else answer();
    });
  }

  #state(): number {
    const state = this.#options.hostState();
    return state === undefined ? NO_STATE : state | 0;
  }

  #isFromHere(transport: Transport): boolean {
    const isHere = isLoopbackAddress(transport.caller.address);
    if (!isHere) this.notFromHere += 1;
    return isHere;
  }
}

function subscriberOf({ my_name, my_prog, my_vers, my_proc }: MyId) {
  return { myName: my_name, prog: my_prog >>> 0, vers: my_vers >>> 0, proc: my_proc >>> 0 };
}
