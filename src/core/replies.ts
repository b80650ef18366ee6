/**
 * The reply cache, rebuilt by the fold: which calls were carried out (hazard 5); those of LOCK are in lock-calls.ts. A late copy of UNLOCK, CANCEL or
 * UNSHARE does nothing. A late copy of LOCK or SHARE finds what it took standing and is granted again, or gone: then it
 * is not answered, since whoever gave it back waits for nothing; but where another cause took it away (a purge, a missed
 * reclaim: `wasTaken`) the copy is decided anew. BLOCKED is never cached: the waiter itself answers.
 *
 * They come and go in one order, so they stand in a ring, and those of one hash in a list from the newest back.
 *
 * A call that made no event is not known here. UNLOCK, CANCEL and UNSHARE that find nothing therefore make a small one
 * (`call-noted`), where their client is known; a client that the ledger does not know has no lock that its copy could
 * free but one that it takes in between, by its first call ever. A LOCK that was refused, or repeated while it waits or
 * holds, stays unknown: its copy takes the lock anew if it comes after the UNLOCK, which only a datagram can do.
 */

import type { CallIdentity, LockId } from './command.js';
import type { ClientId } from './event.js';
import { mix } from './hash-index.js';
import { setWideAt, wideAt } from './wide.js';

export type Procedure = 'unlock' | 'cancel' | 'share' | 'unshare';

const CLIENT = 0;
const PORT = 1;
const XID = 2;
const PROCEDURE = 3;
const DIGEST = 4;
/** Two words. */
const TIME = 5;
/** Number of the lock, waiter or share that a SHARE took; two words. */
const ID = 7;
/** One more than the place of the next older one with the same hash, 0 for none. */
const OLDER = 9;
const STRIDE = 10;

const FIRST_CAPACITY = 64;
const PROCEDURE_NUMBER: Readonly<Record<Procedure, number>> = { cancel: 3, unlock: 4, share: 20, unshare: 21 };

export class Replies {
  #words = new Uint32Array(FIRST_CAPACITY * STRIDE);
  /** By hash: one more than the place of the newest, 0 for none. As many as there are places: a power of two. */
  #newest = new Uint32Array(FIRST_CAPACITY);
  /** Place of the oldest. */
  #first = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  has(client: ClientId, procedure: Procedure, call: CallIdentity, notBefore: number): boolean {
    return this.idOf(client, procedure, call, notBefore) !== undefined;
  }

  /** What the call took, 0 for nothing; undefined where it is not known, or of longer ago. The newest counts. */
  idOf(client: ClientId, procedure: Procedure, call: CallIdentity, notBefore: number): LockId | undefined {
    const words = this.#words;
    const number = PROCEDURE_NUMBER[procedure];
    const { port, xid, digest } = call;
    let place = this.#newest[hashOf(client, number, port, xid, digest) & (this.#newest.length - 1)]!;
    while (place !== 0) {
      const at = (place - 1) * STRIDE;
      if (
        words[at + XID] === xid &&
        words[at + DIGEST] === digest &&
        words[at + CLIENT] === client &&
        words[at + PORT] === port &&
        words[at + PROCEDURE] === number
      ) {
        return wideAt(words, at + TIME) < notBefore ? undefined : wideAt(words, at + ID);
      }
      place = words[at + OLDER]!;
    }
    return undefined;
  }

  /** Part of `evolve`. */
  add(client: ClientId, procedure: Procedure, call: CallIdentity, id: LockId, time: number): void {
    this.#append(client, call.port, call.xid, PROCEDURE_NUMBER[procedure], call.digest, id, time);
  }

  /** One that `write` wrote, the newest yet; whose it is. */
  read(reader: { word(): number; wide(): number }): ClientId {
    const client = reader.word();
    const port = reader.word();
    const xid = reader.word();
    const procedure = reader.word();
    const digest = reader.word();
    const id = reader.wide();
    this.#append(client, port, xid, procedure, digest, id, reader.wide());
    return client;
  }

  #append(
    client: ClientId,
    port: number,
    xid: number,
    procedure: number,
    digest: number,
    id: LockId,
    time: number,
  ): void {
    if (this.#count === this.#newest.length) this.#grow();
    const words = this.#words;
    const place = (this.#first + this.#count) & (this.#newest.length - 1);
    const at = place * STRIDE;
    words[at + CLIENT] = client;
    words[at + PORT] = port;
    words[at + XID] = xid;
    words[at + PROCEDURE] = procedure;
    words[at + DIGEST] = digest;
    setWideAt(words, at + TIME, time);
    setWideAt(words, at + ID, id);
    this.#link(place);
    this.#count += 1;
  }

  /** Whether the oldest is beyond number or, where that counts, age. */
  isBeyond(countMax: number, notBefore: number): boolean {
    if (this.#count > countMax) return true;
    return this.#count > 0 && wideAt(this.#words, this.#first * STRIDE + TIME) < notBefore;
  }

  /** Takes out the oldest, and says whose it was. Part of `evolve`, as long as `isBeyond`. */
  dropOldest(): ClientId {
    const words = this.#words;
    const oldest = this.#first;
    const hash = this.#hash(oldest);
    // It is the last of its list.
    let place = this.#newest[hash]! - 1;
    if (place === oldest) this.#newest[hash] = 0;
    else {
      while (words[place * STRIDE + OLDER]! - 1 !== oldest) place = words[place * STRIDE + OLDER]! - 1;
      words[place * STRIDE + OLDER] = 0;
    }
    this.#first = (oldest + 1) & (this.#newest.length - 1);
    this.#count -= 1;
    return words[oldest * STRIDE + CLIENT]!;
  }

  /** Oldest first: client, port, xid, procedure, digest, then the number and the time. */
  write(writer: { word(value: number): void; wide(value: number): void }): void {
    const words = this.#words;
    for (let n = 0; n < this.#count; n += 1) {
      const at = this.#at(n);
      for (let field = CLIENT; field <= DIGEST; field += 1) writer.word(words[at + field]!);
      writer.wide(wideAt(words, at + ID));
      writer.wide(wideAt(words, at + TIME));
    }
  }

  /** Whose call came from which port, and when; oldest first. */
  each(visit: (client: ClientId, port: number, time: number) => void): void {
    const words = this.#words;
    for (let n = 0; n < this.#count; n += 1) {
      const at = this.#at(n);
      visit(words[at + CLIENT]!, words[at + PORT]!, wideAt(words, at + TIME));
    }
  }

  /** Where the words of the n-th begin, the oldest being the 0th. */
  #at(n: number): number {
    return ((this.#first + n) & (this.#newest.length - 1)) * STRIDE;
  }

  /** Puts the one at a place before the others of its hash. */
  #link(place: number): void {
    const hash = this.#hash(place);
    this.#words[place * STRIDE + OLDER] = this.#newest[hash]!;
    this.#newest[hash] = place + 1;
  }

  #hash(place: number): number {
    const words = this.#words;
    const at = place * STRIDE;
    return (
      hashOf(words[at + CLIENT]!, words[at + PROCEDURE]!, words[at + PORT]!, words[at + XID]!, words[at + DIGEST]!) &
      (this.#newest.length - 1)
    );
  }

  #grow(): void {
    const old = this.#words;
    const first = this.#first * STRIDE;
    this.#words = new Uint32Array(old.length * 2);
    this.#words.set(old.subarray(first));
    this.#words.set(old.subarray(0, first), old.length - first);
    this.#newest = new Uint32Array(this.#newest.length * 2);
    this.#first = 0;
    for (let place = 0; place < this.#count; place += 1) this.#link(place);
  }
}

function hashOf(client: number, procedure: number, port: number, xid: number, digest: number): number {
  return mix(Math.imul(client, 0x9e37_79b1) ^ xid, digest ^ (port * 32 + procedure));
}
