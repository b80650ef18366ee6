/**
 * The reply cache, rebuilt by the fold: which calls were carried out (hazard 5); those of LOCK are in lock-calls.ts. A late copy of UNLOCK, CANCEL or
 * UNSHARE does nothing. A late copy of LOCK or SHARE finds what it took standing and is granted again, or gone: then it
 * is not answered, since whoever gave it back waits for nothing; but where another cause took it away (a purge, a missed
 * reclaim: `wasTaken`) the copy is decided anew. BLOCKED is never cached: the waiter itself answers.
 *
 * A call that made no event is not known here. UNLOCK, CANCEL and UNSHARE that find nothing therefore make a small one
 * (`call-noted`), where their client is known; a client that the ledger does not know has no lock that its copy could
 * free but one that it takes in between, by its first call ever. A LOCK that was refused, or repeated while it waits or
 * holds, stays unknown: its copy takes the lock anew if it comes after the UNLOCK, which only a datagram can do.
 */

import type { CallIdentity, LockId } from './command.js';
import type { ClientId } from './event.js';
import { HashIndex, mix } from './hash-index.js';
import { Rows } from './rows.js';

export type Procedure = 'unlock' | 'cancel' | 'share' | 'unshare';

const CLIENT = 0;
const PORT = 1;
const XID = 2;
const PROCEDURE = 3;
const DIGEST = 4;
const TIME = 5;
const NEXT = 7;
/** Number of the lock, waiter or share that a SHARE took. */
const ID = 8;
const STRIDE = 10;

const PROCEDURE_NUMBER: Readonly<Record<Procedure, number>> = { cancel: 3, unlock: 4, share: 20, unshare: 21 };

export class Replies {
  readonly #rows = new Rows(STRIDE);
  readonly #index = new HashIndex();
  #oldest = 0;
  #newest = 0;

  get count(): number {
    return this.#rows.count;
  }

  has(client: ClientId, procedure: Procedure, call: CallIdentity, notBefore: number): boolean {
    return this.idOf(client, procedure, call, notBefore) !== undefined;
  }

  /** What the call took, 0 for nothing; undefined where it is not known, or of longer ago. The newest counts. */
  idOf(client: ClientId, procedure: Procedure, call: CallIdentity, notBefore: number): LockId | undefined {
    let newest: LockId | undefined;
    const number = PROCEDURE_NUMBER[procedure];
    const hash = hashOf(client, number, call.port, call.xid, call.digest);
    for (let place = this.#index.first(hash); ; place = this.#index.after(hash, place)) {
      const slot = this.#index.at(hash, place);
      if (slot === 0) return newest;
      const rows = this.#rows;
      if (
        rows.get(slot, CLIENT) === client &&
        rows.get(slot, PORT) === call.port &&
        rows.get(slot, XID) === call.xid &&
        rows.get(slot, PROCEDURE) === number &&
        rows.get(slot, DIGEST) === call.digest
      ) {
        if (rows.getWide(slot, TIME) >= notBefore) newest = Math.max(newest ?? 0, rows.getWide(slot, ID));
      }
    }
  }

  add(client: ClientId, procedure: Procedure, call: CallIdentity, id: LockId, time: number): void {
    const slot = this.#rows.take();
    const page = this.#rows.page(slot);
    const at = this.#rows.offset(slot);
    page[at + CLIENT] = client;
    page[at + PORT] = call.port;
    page[at + XID] = call.xid;
    page[at + PROCEDURE] = PROCEDURE_NUMBER[procedure];
    page[at + DIGEST] = call.digest;
    this.#append(slot, id, time);
  }

  /** One that `write` wrote, the newest yet; whose it is. */
  read(reader: { word(): number; wide(): number }): ClientId {
    const slot = this.#rows.take();
    const page = this.#rows.page(slot);
    const at = this.#rows.offset(slot);
    for (let field = CLIENT; field <= DIGEST; field += 1) page[at + field] = reader.word();
    const id = reader.wide();
    this.#append(slot, id, reader.wide());
    return page[at + CLIENT]!;
  }

  #append(slot: number, id: LockId, time: number): void {
    const rows = this.#rows;
    rows.setWide(slot, ID, id);
    rows.setWide(slot, TIME, time);
    rows.set(slot, NEXT, 0);
    this.#index.add(this.#hash(slot), slot);
    if (this.#newest === 0) this.#oldest = slot;
    else rows.set(this.#newest, NEXT, slot);
    this.#newest = slot;
  }

  /** Whether the oldest is beyond number or, where that counts, age. */
  isBeyond(countMax: number, notBefore: number): boolean {
    if (this.#rows.count > countMax) return true;
    return this.#oldest !== 0 && this.#rows.getWide(this.#oldest, TIME) < notBefore;
  }

  /** Takes out the oldest, and says whose it was. Part of `evolve`, as long as `isBeyond`. */
  dropOldest(): ClientId {
    const rows = this.#rows;
    const slot = this.#oldest;
    this.#index.remove(this.#hash(slot), slot);
    this.#oldest = rows.get(slot, NEXT);
    if (this.#oldest === 0) this.#newest = 0;
    const client = rows.get(slot, CLIENT);
    rows.release(slot);
    return client;
  }

  /** Oldest first: client, port, xid, procedure, digest, then the number and the time. */
  write(writer: { word(value: number): void; wide(value: number): void }): void {
    const rows = this.#rows;
    for (let slot = this.#oldest; slot !== 0; slot = rows.get(slot, NEXT)) {
      const page = rows.page(slot);
      const at = rows.offset(slot);
      for (let field = CLIENT; field <= DIGEST; field += 1) writer.word(page[at + field]!);
      writer.wide(rows.getWide(slot, ID));
      writer.wide(rows.getWide(slot, TIME));
    }
  }

  /** Whose call came from which port, and when; oldest first. */
  each(visit: (client: ClientId, port: number, time: number) => void): void {
    const rows = this.#rows;
    for (let slot = this.#oldest; slot !== 0; slot = rows.get(slot, NEXT)) {
      visit(rows.get(slot, CLIENT), rows.get(slot, PORT), rows.getWide(slot, TIME));
    }
  }

  #hash(slot: number): number {
    const page = this.#rows.page(slot);
    const at = this.#rows.offset(slot);
    return hashOf(page[at + CLIENT]!, page[at + PROCEDURE]!, page[at + PORT]!, page[at + XID]!, page[at + DIGEST]!);
  }
}

function hashOf(client: number, procedure: number, port: number, xid: number, digest: number): number {
  return mix(mix(mix(client, xid), digest), port * 32 + procedure);
}
