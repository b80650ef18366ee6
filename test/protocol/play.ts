/** Plays exchanges against a node, over one transport from one address to one address, and says what came back. */

import { callHeader, join, word, type Octets } from '../support/builder.js';
import { NLM, NSM, type Exchange, type NodeCall } from './exchanges.js';
import { RawPeer, RawService, type Transport } from './raw-peer.js';

export interface Stage {
  readonly transport: Transport;
  readonly server: string;
  readonly nlmPort: number;
  readonly nsmPort: number;
  readonly client: string;
  /** Where the node calls the client back. */
  readonly service: RawService;
}

/** Both in hexadecimal, each message on a line of its own. */
export interface Played {
  readonly rule: string;
  readonly expected: string;
  readonly got: string;
}

const hex = (...parts: readonly Octets[]): string => join(...parts).toString('hex');
/** Each call has the next number. */
export const FIRST_XID = 0x7000_0000;
/** The bytes of the xid, and of the cookie in a call, are the node's own affair. */
const OWN = 'xxxxxxxx';
const COOKIE_AT = 44;
const COOKIE_BYTES = 8;

export class Player {
  readonly #stage: Stage;
  #nlm: RawPeer;
  readonly #nsm: RawPeer;
  #xid = FIRST_XID;
  /** Of the last callback. */
  #cookie: Octets = [];

  private constructor(stage: Stage, nlm: RawPeer, nsm: RawPeer) {
    this.#stage = stage;
    this.#nlm = nlm;
    this.#nsm = nsm;
  }

  static async open(stage: Stage): Promise<Player> {
    const { transport, server, nlmPort, nsmPort, client } = stage;
    const nlm = await RawPeer.open(transport, server, nlmPort, client);
    return new Player(stage, nlm, await RawPeer.open(transport, server, nsmPort, client));
  }

  close(): void {
    this.#nlm.close();
    this.#nsm.close();
  }

  async play(exchange: Exchange): Promise<Played> {
    const { rule, program, version, procedure, args, reply, then } = exchange;
    const { transport, server, nlmPort, client } = this.#stage;
    if (exchange.isReconnected === true) {
      this.#nlm.close();
      this.#nlm = await RawPeer.open(transport, server, nlmPort, client);
    }
    this.#xid += 1;
    const xid = this.#xid;
    const peer = program === NSM ? this.#nsm : this.#nlm;
    // Calls with AUTH_SYS and with AUTH_NONE, one after the other.
    peer.send(join(callHeader(xid, program, version, procedure, xid % 2 === 0), args(this.#cookie)));
    const expected = [
      hex(
        [xid, 1, 0, 0, 0].flatMap((n) => word(n)),
        reply,
      ),
    ];
    if (then !== undefined) expected.push(OWN + drawn(then));
    return { rule, expected: expected.join('\n'), got: (await this.#answers(peer, then)).join('\n') };
  }

  /** The reply, and after it the call that the node makes, whichever came first. */
  async #answers(peer: RawPeer, then: NodeCall | undefined): Promise<readonly string[]> {
    if (then === undefined) return [(await peer.next()).toString('hex')];
    const isHere = this.#stage.transport === 'udp' && !then.isCookieItsOwn;
    if (isHere) {
      const both = [await peer.next(), await peer.next()];
      const call = both.find((message) => message.readUInt32BE(4) === 0);
      const reply = both.find((message) => message.readUInt32BE(4) === 1);
      return [reply?.toString('hex') ?? 'no reply', call === undefined ? 'no call' : this.#masked(call, then)];
    }
    const reply = (await peer.next()).toString('hex');
    const { message, transport, answer } = await this.#stage.service.next();
    const call = this.#masked(message, then);
    answer(join(message.subarray(0, 4).toJSON().data, [1, 0, 0, 0, 0].flatMap(word), then.answer(this.#cookie)));
    return [reply, transport === this.#stage.transport ? call : `over ${transport}: ${call}`];
  }

  #masked(call: Buffer, { isCookieItsOwn }: NodeCall): string {
    if (!isCookieItsOwn) return OWN + call.toString('hex', 4);
    this.#cookie = call.subarray(COOKIE_AT, COOKIE_AT + COOKIE_BYTES).toJSON().data;
    return `${OWN}${call.toString('hex', 4, COOKIE_AT)}cookie${call.toString('hex', COOKIE_AT + COOKIE_BYTES)}`;
  }
}

/** A call of the node after its xid: AUTH_NONE, as RFC 5531 section 9 draws it. */
function drawn({ version, procedure, args, isCookieItsOwn }: NodeCall): string {
  const header = [0, 2, NLM, version, procedure, 0, 0, 0, 0].flatMap(word);
  return isCookieItsOwn ? `${hex(header, word(COOKIE_BYTES))}cookie${hex(args)}` : hex(header, args);
}
