/**
 * The locks of a checkpoint, file by file. There may be millions of them, and they are most of what a start reads: so they
 * are copied in bulk, and counted once for each owner and not once for each lock.
 *
 *   locks of a file = their number, then by start: owner, flags, start, end, id, time; then, where they are more than one,
 *                     their places in the order by owner
 */

import type { CheckpointReader } from './checkpoint-reader.js';
import type { CheckpointWriter } from './checkpoint-writer.js';
import {
  EXPECTED,
  L_END_HIGH,
  L_END_LOW,
  L_FILE,
  L_FLAGS,
  L_ID,
  L_NEXT,
  L_OWNER,
  L_PREVIOUS,
  L_START_HIGH,
  L_START_LOW,
  L_TIME,
} from './lock-rows.js';
import { settleFile } from './names.js';
import { countLocks } from './counts.js';
import { addressOf, clientOf, F_BY_OWNER, F_BY_START, F_FILE_SYSTEM, O_LOCK, type NlmFiles } from './state.js';

const OWNER = 0;
const FLAGS = 4;
const START_HIGH = 8;
const START_LOW = 12;
const END_HIGH = 16;
const END_LOW = 20;
/** Numbers of up to 53 bits, as a float. */
const ID = 24;
const TIME = 32;
const LOCK_BYTES = 40;
const PLACE_BYTES = 4;

export class LockWriter {
  readonly #writer: CheckpointWriter;
  readonly #state: NlmFiles;
  /** By slot: its place in the order by start. */
  readonly #places: Uint32Array;

  constructor(writer: CheckpointWriter, state: NlmFiles) {
    this.#writer = writer;
    this.#state = state;
    this.#places = new Uint32Array(state.locks.limit);
  }

  write(file: number): void {
    const { locks, files, byStart, byOwner } = this.#state;
    const writer = this.#writer;
    const places = this.#places;
    const slots: number[] = [];
    byStart.walk(files.get(file, F_BY_START), (slot) => slots.push(slot));
    writer.word(slots.length);
    let at = writer.take(slots.length * LOCK_BYTES);
    const { view } = writer;
    for (let i = 0; i < slots.length; i += 1, at += LOCK_BYTES) {
      const slot = slots[i]!;
      const page = locks.page(slot);
      const row = locks.offset(slot);
      places[slot] = i;
      view.setUint32(at + OWNER, page[row + L_OWNER]!, true);
      view.setUint32(at + FLAGS, page[row + L_FLAGS]!, true);
      view.setUint32(at + START_HIGH, page[row + L_START_HIGH]!, true);
      view.setUint32(at + START_LOW, page[row + L_START_LOW]!, true);
      view.setUint32(at + END_HIGH, page[row + L_END_HIGH]!, true);
      view.setUint32(at + END_LOW, page[row + L_END_LOW]!, true);
      view.setFloat64(at + ID, locks.getWide(slot, L_ID), true);
      view.setFloat64(at + TIME, locks.getWide(slot, L_TIME), true);
    }
    if (slots.length > 1) byOwner.walk(files.get(file, F_BY_OWNER), (slot) => writer.word(places[slot]!));
  }
}

export class LockReader {
  readonly #reader: CheckpointReader;
  readonly #state: NlmFiles;
  /** By file system and owner: locks held, and expected. */
  readonly #held: (Uint32Array | undefined)[] = [];
  readonly #expected: (Uint32Array | undefined)[] = [];

  constructor(reader: CheckpointReader, state: NlmFiles) {
    this.#reader = reader;
    this.#state = state;
  }

  read(file: number): void {
    const { locks, owners, files, byStart, byOwner } = this.#state;
    const reader = this.#reader;
    const count = reader.word();
    if (count === 0) return;
    const fileSystem = files.get(file, F_FILE_SYSTEM);
    const held = (this.#held[fileSystem] ??= new Uint32Array(this.#state.ownerNext));
    const expected = (this.#expected[fileSystem] ??= new Uint32Array(this.#state.ownerNext));
    let at = reader.take(count * LOCK_BYTES);
    const { view } = reader;
    const slots = new Uint32Array(count);
    for (let i = 0; i < count; i += 1, at += LOCK_BYTES) {
      const slot = locks.take();
      const page = locks.page(slot);
      const row = locks.offset(slot);
      const owner = view.getUint32(at + OWNER, true);
      const flags = view.getUint32(at + FLAGS, true);
      slots[i] = slot;
      page[row + L_OWNER] = owner;
      page[row + L_FILE] = file;
      page[row + L_FLAGS] = flags;
      page[row + L_START_HIGH] = view.getUint32(at + START_HIGH, true);
      page[row + L_START_LOW] = view.getUint32(at + START_LOW, true);
      page[row + L_END_HIGH] = view.getUint32(at + END_HIGH, true);
      page[row + L_END_LOW] = view.getUint32(at + END_LOW, true);
      locks.setWide(slot, L_ID, view.getFloat64(at + ID, true));
      locks.setWide(slot, L_TIME, view.getFloat64(at + TIME, true));
      const first = owners.get(owner, O_LOCK);
      page[row + L_NEXT] = first;
      page[row + L_PREVIOUS] = 0;
      if (first === 0) this.#state.idleOwners.remove(owner);
      else locks.set(first, L_PREVIOUS, slot);
      owners.set(owner, O_LOCK, slot);
      if ((flags & EXPECTED) === 0) held[owner]! += 1;
      else expected[owner]! += 1;
    }
    files.set(file, F_BY_START, byStart.build(slots));
    if (count > 1) {
      at = reader.take(count * PLACE_BYTES);
      const ordered = new Uint32Array(count);
      for (let i = 0; i < count; i += 1, at += PLACE_BYTES) ordered[i] = slots[view.getUint32(at, true)]!;
      files.set(file, F_BY_OWNER, byOwner.build(ordered));
    } else {
      files.set(file, F_BY_OWNER, byOwner.build(slots));
    }
    settleFile(this.#state, file);
  }

  /** All of them are read: what their scopes hold. */
  count(): void {
    const state = this.#state;
    for (const [id, fileSystem] of state.fileSystems.entries()) {
      const held = this.#held[id];
      const expected = this.#expected[id];
      if (held === undefined || expected === undefined) continue;
      for (let owner = 1; owner < held.length; owner += 1) {
        if (held[owner] === 0 && expected[owner] === 0) continue;
        countLocks(state, clientOf(state, owner), addressOf(state, owner), fileSystem, held[owner]!, expected[owner]!);
      }
    }
  }
}
