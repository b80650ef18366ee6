/** A client of the demo: a host with an address and a fixed callback port, that speaks NLM 4 over TCP or UDP. */

import type { Address } from '../../src/base/address.js';
import { bytesFrom, type Bytes } from '../../src/base/bytes.js';
import { LedgerError } from '../../src/base/errors.js';
import { U64_ZERO } from '../../src/base/u64.js';
import { bytesOfText } from '../../src/admin/text.js';
import { callLock, callTest, callUnlock, type CallResult, type LockRequest } from '../../src/cli/call/operations.js';
import { NLM_VERSION, type Server } from '../../src/cli/call/server.js';
import { lockAndWait } from '../../src/cli/call/wait.js';
import { callPeer } from '../../src/effects/rpc-call.js';
import { NLM_PROGRAM } from '../../src/nlm/procedures.js';
import type { NlmLock } from '../../src/nlm/types.js';

const CALL_MS_MAX = 5000;
/** How often a client tries again whose server is not there: Linux waits longer. */
const TRY_AGAIN_MS = 20;
const AWAY_MS_MAX = 20_000;

export interface ClientOptions {
  readonly name: string;
  readonly address: Address;
  readonly transport: 'tcp' | 'udp';
  readonly callbackPort: number;
  /** Of NLM, at every server address. */
  readonly nlmPort: number;
  readonly signal: AbortSignal;
}

/** A lock that is waited for. */
export interface Waiting {
  readonly blocked: Promise<void>;
  readonly granted: Promise<CallResult>;
}

export class Client {
  readonly name: string;
  readonly transport: 'tcp' | 'udp';
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.name = options.name;
    this.transport = options.transport;
    this.#options = options;
  }

  test(server: Address, file: string): Promise<CallResult> {
    return callTest(this.#server(server), this.#lock(file), true);
  }

  lock(server: Address, file: string, how: { readonly reclaim?: boolean } = {}): Promise<CallResult> {
    return callLock(this.#server(server), { ...this.#request(file), reclaim: how.reclaim === true });
  }

  unlock(server: Address, file: string): Promise<CallResult> {
    return callUnlock(this.#server(server), this.#lock(file));
  }

  wait(server: Address, file: string): Waiting {
    let onBlocked = (): void => undefined;
    const blocked = new Promise<void>((resolve) => {
      onBlocked = resolve;
    });
    const { callbackPort, signal } = this.#options;
    const request = { ...this.#request(file), block: true };
    const granted = lockAndWait(this.#server(server), request, { callbackPort, signal, onBlocked });
    // Who never waits never says so: the answer, or the failure, tells then.
    return { blocked: Promise.race([blocked, granted.then(() => undefined)]), granted };
  }

  /** Calls until somebody answers, as a client does whose server is away. */
  async untilAnswered(call: () => Promise<CallResult>): Promise<CallResult> {
    const until = performance.now() + AWAY_MS_MAX;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const isAway = error instanceof LedgerError && (error.code === 'unavailable' || error.code === 'timeout');
        if (!isAway || this.#options.signal.aborted || performance.now() >= until) throw error;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      }
    }
  }

  #server(address: Address): Server {
    const { transport, nlmPort: port, address: localAddress } = this.#options;
    return {
      address,
      port,
      call: (entry, args) => {
        if (entry === undefined) throw new LedgerError('unsupported', `NLM ${NLM_VERSION} has no such procedure`);
        const { number: procedure, args: argumentsOf, result } = entry;
        const what = { program: NLM_PROGRAM, version: NLM_VERSION, procedure, arguments: argumentsOf, result };
        return callPeer({ transport, address, port, localAddress }, what, args, CALL_MS_MAX);
      },
    };
  }

  #request(file: string): LockRequest {
    return { alock: this.#lock(file), exclusive: true, block: false, reclaim: false, state: 1 };
  }

  #lock(file: string): NlmLock {
    return {
      caller_name: bytesOfText(this.name),
      fh: handleOf(file),
      oh: bytesOfText(`1@${this.name}`),
      svid: 1,
      l_offset: U64_ZERO,
      l_len: U64_ZERO,
    };
  }
}

/** The demo's NFS file handles are the names themselves: `home/report`. */
function handleOf(file: string): Bytes {
  return bytesFrom(Buffer.from(file));
}

export function handleHex(file: string): string {
  return Buffer.from(file).toString('hex');
}
