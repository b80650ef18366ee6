/** Ids as names, for people and JSON: whose, of which file, which bytes. Opaque bytes stand as `textOfBytes` has them. */

import { rangeTexts } from '../admin/rows.js';
import { textOfBytes } from '../admin/text.js';
import { bytesToHex, NO_BYTES, type Bytes } from '../base/bytes.js';
import type { FileId, OwnerId, ReclaimFacts } from '../core/event.js';
import type { Range } from '../core/range.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, W_FILE, W_ID, W_OWNER, type NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import { waiterRange, waitsExclusively } from '../core/waiters.js';

export interface OwnerNames {
  readonly client: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: string;
}

export interface FileNames {
  readonly fileSystem: string;
  /** Hex. */
  readonly handle: string;
}

export interface RangeNames {
  readonly start: string;
  /** The last byte; `eof` for all that may come. */
  readonly end: string;
}

export interface LockNames extends OwnerNames, FileNames, RangeNames {
  readonly exclusive: boolean;
}

export function ownerNames(state: NlmFiles, owner: OwnerId): OwnerNames {
  const { name, address } = clientOf(state, owner);
  return {
    client: textOfBytes(name),
    clientAddress: address,
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: textOfBytes(state.ownerHandles[owner] ?? NO_BYTES),
  };
}

export function fileNames(state: NlmFiles, file: FileId, handle?: Bytes): FileNames {
  const known = state.fileNames[file]?.handles[0] ?? NO_BYTES;
  return { fileSystem: fileSystemOf(state, file).name, handle: bytesToHex(handle ?? known) };
}

export function lockNames(state: NlmFiles, owner: OwnerId, file: FileId, range: Range, exclusive: boolean): LockNames {
  return Object.assign(rangeNames(state, owner, file, range), { exclusive });
}

/**
 * Long listings and exports make such rows by the million. Assigned and not spread: in a literal, whatever stands behind
 * a spread takes Node 20 ten microseconds and more (`at` and `export` in ops/bench/audit.ts).
 */
export function rangeNames(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  range: Range,
): OwnerNames & FileNames & RangeNames {
  return Object.assign(ownerNames(state, owner), fileNames(state, file), rangeTexts(range));
}

/** What a sweep said of a row that went. */
export function droppedNames(row: DroppedRow): LockNames {
  return {
    client: textOfBytes(row.clientName),
    clientAddress: row.clientAddress,
    serverAddress: row.serverAddress,
    svid: row.svid,
    oh: textOfBytes(row.oh),
    fileSystem: row.fileSystem,
    handle: bytesToHex(row.handle),
    ...rangeTexts(row.range),
    exclusive: row.exclusive,
  };
}

export function waiterNames(state: NlmFiles, slot: number): LockNames & { readonly lock: number } {
  const { waiters } = state;
  const [owner, file] = [waiters.get(slot, W_OWNER), waiters.get(slot, W_FILE)];
  const names = lockNames(state, owner, file, waiterRange(state, slot), waitsExclusively(state, slot));
  return { lock: waiters.getWide(slot, W_ID), ...names };
}

export function clientNames(client: {
  readonly name: Bytes;
  readonly address: string;
}): Pick<OwnerNames, 'client' | 'clientAddress'> {
  return { client: textOfBytes(client.name), clientAddress: client.address };
}

/** Of somebody whom the ledger need not know. */
export function factNames(facts: ReclaimFacts): OwnerNames & FileNames & Partial<LockNames> {
  return {
    ...clientNames(facts),
    serverAddress: facts.serverAddress,
    svid: facts.svid,
    oh: textOfBytes(facts.oh),
    fileSystem: facts.fileSystem,
    handle: bytesToHex(facts.handle),
    ...(facts.range === undefined ? {} : rangeTexts(facts.range)),
    ...(facts.exclusive === undefined ? {} : { exclusive: facts.exclusive }),
  };
}
