/**
 * Which LOCK calls took a lock or began a wait, part of the fold: so that a late copy takes nothing again (hazard 5; see
 * replies.ts for what it is answered). On the path of every LOCK, so one place a call: the search and the entry touch
 * the same line of memory, and a call whose place is taken by a newer one is forgotten. Of the last n calls in a table of
 * c places, about c/(n+c) of those n calls ago are still known; a copy comes within a minute.
 */

import type { CallIdentity, LockId } from './command.js';
import type { ClientId } from './event.js';
import { mix } from './hash-index.js';
import { setWideAt, wideAt } from './wide.js';

const CLIENT = 0;
const PORT = 1;
const XID = 2;
const DIGEST = 3;
/** Two words. */
const ID = 4;
/** Two words. */
const TIME = 6;
const LOCK_CALL_WORDS = 8;

const FIRST_CAPACITY = 256;

export class LockCalls {
  #words = new Uint32Array(FIRST_CAPACITY * LOCK_CALL_WORDS);
  #count = 0;

  /** The number that the call took; undefined where it is not known, or of longer ago. */
  idOf(client: ClientId, call: CallIdentity, notBefore: number): LockId | undefined {
    const words = this.#words;
    const at = this.#place(client, call.port, call.xid, call.digest);
    if (
      words[at + XID] !== call.xid ||
      words[at + CLIENT] !== client ||
      words[at + PORT] !== call.port ||
      words[at + DIGEST] !== call.digest ||
      wideAt(words, at + TIME) < notBefore
    ) {
      return undefined;
    }
    return wideAt(words, at + ID);
  }

  /** Part of `evolve`. `countMax` bounds the places. */
  add(client: ClientId, call: CallIdentity, id: LockId, time: number, countMax: number): void {
    if (this.#count * LOCK_CALL_WORDS * 2 > this.#words.length) this.#grow(countMax);
    const words = this.#words;
    const at = this.#place(client, call.port, call.xid, call.digest);
    if (words[at + CLIENT] === 0) this.#count += 1;
    words[at + CLIENT] = client;
    words[at + PORT] = call.port;
    words[at + XID] = call.xid;
    words[at + DIGEST] = call.digest;
    setWideAt(words, at + ID, id);
    setWideAt(words, at + TIME, time);
  }

  /** Number of places. */
  get capacity(): number {
    return this.#words.length / LOCK_CALL_WORDS;
  }

  get count(): number {
    return this.#count;
  }

  /** Writes every place in use, and its words. */
  write(writer: { word(value: number): void }): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += LOCK_CALL_WORDS) {
      if (words[at + CLIENT] === 0) continue;
      writer.word(at / LOCK_CALL_WORDS);
      for (let i = 0; i < LOCK_CALL_WORDS; i += 1) writer.word(words[at + i]!);
    }
  }

  /** In no order. */
  each(visit: (client: ClientId, port: number, time: number) => void): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += LOCK_CALL_WORDS) {
      if (words[at + CLIENT] !== 0) visit(words[at + CLIENT]!, words[at + PORT]!, wideAt(words, at + TIME));
    }
  }

  /** From a checkpoint, before `put`. */
  reserve(capacity: number): void {
    this.#words = new Uint32Array(capacity * LOCK_CALL_WORDS);
    this.#count = 0;
  }

  put(place: number, words: { word(): number }): void {
    const at = place * LOCK_CALL_WORDS;
    for (let i = 0; i < LOCK_CALL_WORDS; i += 1) this.#words[at + i] = words.word();
    this.#count += 1;
  }

  #place(client: number, port: number, xid: number, digest: number): number {
    const places = this.#words.length / LOCK_CALL_WORDS;
    return (mix(Math.imul(client, 0x9e37_79b1) ^ xid, digest ^ port) & (places - 1)) * LOCK_CALL_WORDS;
  }

  #grow(countMax: number): void {
    const old = this.#words;
    if ((old.length * 2) / LOCK_CALL_WORDS > countMax) return;
    this.#words = new Uint32Array(old.length * 2);
    // Twice the places: no two entries meet that had places of their own.
    for (let at = 0; at < old.length; at += LOCK_CALL_WORDS) {
      if (old[at + CLIENT] === 0) continue;
      const to = this.#place(old[at + CLIENT]!, old[at + PORT]!, old[at + XID]!, old[at + DIGEST]!);
      this.#words.set(old.subarray(at, at + LOCK_CALL_WORDS), to);
    }
  }
}
