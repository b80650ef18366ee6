/**
 * A client as BSD and its kin have it, drawn by hand: it finds the server by version 3 or 4 of rpcbind and asks no other,
 * speaks by messages alone, over UDP sockets that are connected (what comes from another address or port is not seen),
 * and is called back at a service of its own.
 */

import type { ExecutionContext } from 'ava';
import { callHeader, counted, join, long, word, type Octets } from '../support/builder.js';
import { NLM, type Version } from './exchanges.js';
import { RawPeer, RawService, type CalledBack } from './raw-peer.js';

const RPCBIND = 100000;
const GETADDR = 3;
const ACCEPTED = [1, 0, 0, 0, 0];

export interface BsdOptions {
  readonly version: Version;
  readonly server: string;
  readonly rpcbindPort: number;
  readonly rpcbindVersion: 3 | 4;
  readonly address: string;
  readonly service: RawService;
  /** Where the socket is bound; 0 for any port. */
  readonly localPort?: number;
}

export interface BsdLock {
  readonly svid: number;
  /** As bytes: FreeBSD and illumos put a number of theirs in it, NULs and all. */
  readonly oh: string;
  readonly offset?: number;
  readonly length?: number;
}

export class BsdClient {
  readonly #options: BsdOptions;
  readonly #peer: RawPeer;
  #xid: number;

  private constructor(options: BsdOptions, peer: RawPeer) {
    this.#options = options;
    this.#peer = peer;
    this.#xid = Number(options.address.split('.')[3]) * 1000;
  }

  static async open(t: ExecutionContext, options: BsdOptions): Promise<BsdClient> {
    const { server, address, localPort } = options;
    const peer = await RawPeer.open('udp', server, await universalPort(t, options), address, localPort);
    t.teardown(() => peer.close());
    return new BsdClient(options, peer);
  }

  /** Sends a _MSG, and again under the same xid where `copies` is more than one; gives what its _RES says for each. */
  async message(procedure: number, args: Octets, copies = 1): Promise<readonly string[]> {
    this.#xid += 1;
    const xid = this.#xid;
    const call = join(callHeader(xid, NLM, this.#options.version, procedure), args);
    const results: string[] = [];
    for (let copy = 0; copy < copies; copy += 1) {
      this.#peer.send(call);
      // A void reply and the call of the _RES, in whatever order.
      const both = [await this.#peer.next(), await this.#peer.next()];
      const reply = both.find((one) => one.equals(join([xid, ...ACCEPTED].flatMap(word))));
      const header = join([0, 2, NLM, this.#options.version, procedure + 5, 0, 0, 0, 0].flatMap(word));
      const res = both.find((one) => one.subarray(4, 4 + header.length).equals(header));
      if (reply === undefined || res === undefined) throw new Error(both.map((one) => one.toString('hex')).join('\n'));
      results.push(res.toString('hex', 4 + header.length));
    }
    return results;
  }

  /** The next GRANTED_MSG, taken as a kernel takes it: at once, by a void reply. */
  async calledBack(): Promise<CalledBack & { readonly cookie: Octets; readonly args: string }> {
    const call = await this.#options.service.next();
    const header = join([0, 2, NLM, this.#options.version, 10, 0, 0, 0, 0, 8].flatMap(word));
    const { message } = call;
    if (!message.subarray(4, 4 + header.length).equals(header)) throw new Error(message.toString('hex'));
    call.answer(join(message.subarray(0, 4).toJSON().data, ACCEPTED.flatMap(word)));
    const at = 4 + header.length;
    return { ...call, cookie: message.subarray(at, at + 8).toJSON().data, args: message.toString('hex', at + 8) };
  }

  /** GRANTED_RES, of which the server says nothing but that it came. */
  async grantedRes(cookie: Octets, stat: number): Promise<void> {
    this.#xid += 1;
    const args = [...word(cookie.length), ...cookie, ...word(stat)];
    const reply = await this.#peer.exchange(join(callHeader(this.#xid, NLM, this.#options.version, 15), args));
    if (!reply.equals(join([this.#xid, ...ACCEPTED].flatMap(word)))) throw new Error(reply.toString('hex'));
  }

  lock({ svid, oh, offset = 0, length = 10 }: BsdLock): Octets {
    const span = (n: number): Octets => (this.#options.version === 4 ? long(BigInt(n)) : word(n));
    return [...counted('bsd'), ...counted('handle'), ...counted(oh), ...word(svid), ...span(offset), ...span(length)];
  }
}

/** GETADDR over UDP: the port of the universal address, h1.h2.h3.h4.p1.p2 (RFC 5665). */
async function universalPort(t: ExecutionContext, options: BsdOptions): Promise<number> {
  const { version, server, rpcbindPort, rpcbindVersion, address } = options;
  const peer = await RawPeer.open('udp', server, rpcbindPort, address);
  t.teardown(() => peer.close());
  const asked = [...word(NLM), ...word(version), ...counted('udp'), ...counted(''), ...counted('')];
  const reply = await peer.exchange(join(callHeader(1, RPCBIND, rpcbindVersion, GETADDR), asked));
  const [h1, h2, h3, h4, p1 = 0, p2 = 0] = reply
    .toString('latin1', 28, 28 + reply.readUInt32BE(24))
    .split('.')
    .map(Number);
  if (`${h1}.${h2}.${h3}.${h4}` !== server) throw new Error(reply.toString('latin1', 28));
  return p1 * 256 + p2;
}
