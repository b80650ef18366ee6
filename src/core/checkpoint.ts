/**
 * The projection in bytes and back. Canonical: equal projections give equal bytes, whenever their sweeps ran and
 * whatever slots their rows have. Names go by id, locks by file and start, waiters by file and arrival. One pass each
 * way; trees are rebuilt in linear time. Forms:
 *
 *   state    = version, epoch, position, time, violations, nextId, rules, life, reclaims, graces, missing, server states, commands,
 *              addresses, fileSystems, clients, owners, files, waiters, pending, shares, replies, lock calls, nsm
 *   a list   = its length as a word, then its elements
 *   locks    = as checkpoint-locks.ts has them
 */

import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { U64 } from '../base/u64.js';
import { readLife, writeLife } from './checkpoint-life.js';
import { readNsm, writeNsm } from './checkpoint-nsm.js';
import { LockReader, LockWriter } from './checkpoint-locks.js';
import { CheckpointReader } from './checkpoint-reader.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { CallbackForm } from './callback-form.js';
import type { GraceScope, Rules, Selector, ShareBits } from './command.js';
import {
  meetAddress,
  meetClient,
  meetFile,
  meetFileSystem,
  meetOwner,
  settleClient,
  settleFile,
  settleOwner,
} from './names.js';
import { addPending } from './pending.js';
import { countsWith } from './outcome.js';
import type { Range } from './range.js';
import { addShare } from './shares.js';
import {
  F_FILE_SYSTEM,
  F_USED,
  F_WAITER,
  initialState,
  O_ADDRESS,
  O_CLIENT,
  O_SVID,
  O_USED,
  O_VOID,
  W_FLAGS,
  W_ID,
  W_NEXT,
  W_OWNER,
  W_TIME,
  type NlmFiles,
  type Replaced,
  type Scope,
  type Share,
} from './state.js';
import { sweep } from './sweep.js';
import { addWaiter, waiterLength, waiterRange } from './waiters.js';
import { queueAllWakes } from './wake-queue.js';

/** Of the form above; a checkpoint of another version is passed over. */
export const CHECKPOINT_VERSION = 3;

/** Finishes the sweeps first: for the worker that folds checkpoints, or an idle moment. */
export function serialize(state: NlmFiles): Uint8Array {
  sweep(state, Number.POSITIVE_INFINITY);
  const writer = new CheckpointWriter();
  writer.word(CHECKPOINT_VERSION);
  for (const number of [state.epoch, state.position, state.time, state.violations, state.nextId]) writer.wide(number);
  writer.text(JSON.stringify(sorted(state.rules)));
  writeLife(writer, state.life);
  writer.wide(state.reclaims.reclaimed);
  writer.wide(state.reclaims.missed);
  writeList(writer, state.graces, ({ scope, until, policy, endsEarly }) => {
    writer.text(JSON.stringify(sorted(scope)));
    writer.wide(until);
    writer.word(policy === 'strict' ? 1 : 0);
    writer.word(endsEarly ? 1 : 0);
  });
  writeList(writer, state.missing, (scope) => writer.text(JSON.stringify(sorted(scope))));
  writeList(writer, [...state.serverStates], ([address, nsmState]) => {
    writer.text(address);
    writer.word(nsmState);
  });
  writeList(writer, [...state.commands], ([id, { selector, counts, position, time }]) => {
    writer.text(id);
    writer.text(JSON.stringify(sorted(selector)));
    const { locks, waiters, shares, expected = 0, expectedShares = 0 } = counts;
    for (const number of [locks, waiters, shares, expected, expectedShares, position, time]) writer.wide(number);
  });
  writeList(writer, state.addresses, (scope) => {
    writer.text(scope.address);
    writer.wide(scope.mark);
  });
  writeList(writer, state.fileSystems, (scope) => {
    writer.text(scope.name);
    writer.wide(scope.mark);
  });
  writeClients(writer, state);
  writeOwners(writer, state);
  writeFiles(writer, state);
  writePending(writer, state);
  writeList(writer, [...state.shares.values()], (share) => writeShare(writer, share));
  writer.word(state.replies.count);
  state.replies.write(writer);
  writer.word(state.lockCalls.capacity);
  writer.word(state.lockCalls.count);
  state.lockCalls.write(writer);
  writeNsm(writer, state.nsm);
  return writer.finish();
}

/** Every file with waiters is in the wake queue. Throws LedgerError `damaged` or `newer-version`. */
export function deserialize(bytes: Uint8Array): NlmFiles {
  try {
    return load(bytes);
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError('damaged', 'The checkpoint is damaged. An older one or a replay takes its place.', { cause });
  }
}

function load(bytes: Uint8Array): NlmFiles {
  const reader = new CheckpointReader(bytes);
  const version = reader.word();
  if (version > CHECKPOINT_VERSION) {
    throw new LedgerError(
      'newer-version',
      `The checkpoint has form ${version}; this release reads ${CHECKPOINT_VERSION}.`,
    );
  }
  const state = initialState();
  state.epoch = reader.wide();
  state.position = reader.wide();
  state.time = reader.wide();
  state.violations = reader.wide();
  const nextId = reader.wide();
  // As `serialize` wrote them.
  state.rules = JSON.parse(reader.text()) as Rules;
  state.life = readLife(reader);
  state.reclaims = { reclaimed: reader.wide(), missed: reader.wide() };
  readList(reader, () => {
    const scope = JSON.parse(reader.text()) as GraceScope;
    const until = reader.wide();
    const policy = reader.word() === 1 ? 'strict' : 'lenient';
    state.graces.push({ scope, until, policy, endsEarly: reader.word() === 1 });
  });
  readList(reader, () => state.missing.push(JSON.parse(reader.text()) as GraceScope));
  readList(reader, () => state.serverStates.set(reader.text(), reader.word()));
  readList(reader, () => {
    const id = reader.text();
    const selector = JSON.parse(reader.text()) as Selector;
    const held = { locks: reader.wide(), waiters: reader.wide(), shares: reader.wide() };
    const counts = countsWith(held, reader.wide(), reader.wide());
    state.commands.set(id, { selector, counts, position: reader.wide(), time: reader.wide() });
  });
  const marks: [Scope, number][] = [];
  readList(reader, () => marks.push([meetAddress(state, reader.text()), reader.wide()]));
  readList(reader, () => marks.push([meetFileSystem(state, reader.text()), reader.wide()]));
  readClients(reader, state, marks);
  readOwners(reader, state);
  readFiles(reader, state);
  readList(reader, () => readPending(reader, state));
  readList(reader, () => readShare(reader, state));
  readList(reader, () => {
    state.clients[state.replies.read(reader)]!.replies += 1;
  });
  state.lockCalls.reserve(reader.word());
  readList(reader, () => {
    const place = reader.word();
    state.lockCalls.put(place, reader);
  });
  readNsm(reader, state.nsm);
  reader.end();
  for (const [scope, mark] of marks) scope.mark = mark;
  for (const client of state.clients) if (client !== undefined) settleClient(state, client);
  state.nextId = nextId;
  queueAllWakes(state);
  return state;
}

function writeClients(writer: CheckpointWriter, state: NlmFiles): void {
  writer.word(state.clients.length);
  for (const client of state.clients) {
    writer.word(client === undefined ? 0 : 1);
    if (client === undefined) continue;
    writer.opaque(client.name);
    writer.text(client.address);
    writer.word(client.state);
    writer.wide(client.mark);
  }
  writeList(writer, state.freeClients, (id) => writer.word(id));
}

function readClients(reader: CheckpointReader, state: NlmFiles, marks: [Scope, number][]): void {
  const length = reader.word();
  for (let id = 0; id < length; id += 1) {
    if (reader.word() === 0) continue;
    meetClient(state, { type: 'client-met', client: id, name: reader.opaque(), address: reader.text() });
    const client = state.clients[id]!;
    client.state = reader.word();
    marks.push([client, reader.wide()]);
  }
  while (state.clients.length < length) state.clients.push(undefined);
  readList(reader, () => state.freeClients.push(reader.word()));
}

function writeOwners(writer: CheckpointWriter, state: NlmFiles): void {
  const { owners } = state;
  writer.word(state.ownerNext);
  for (let owner = 1; owner < state.ownerNext; owner += 1) {
    const used = owners.get(owner, O_USED);
    writer.word(used);
    if (used === 0) continue;
    writer.word(owners.get(owner, O_CLIENT));
    writer.word(owners.get(owner, O_ADDRESS));
    writer.word(owners.get(owner, O_SVID));
    writer.opaque(state.ownerHandles[owner]!);
    writer.wide(owners.getWide(owner, O_VOID));
  }
  writeList(writer, state.freeOwners, (id) => writer.word(id));
}

function readOwners(reader: CheckpointReader, state: NlmFiles): void {
  const next = reader.word();
  for (let owner = 1; owner < next; owner += 1) {
    if (reader.word() === 0) continue;
    const client = reader.word();
    const serverAddress = state.addresses[reader.word()]!.address;
    meetOwner(state, { type: 'owner-met', owner, client, serverAddress, svid: reader.word(), oh: reader.opaque() });
    state.owners.setWide(owner, O_VOID, reader.wide());
  }
  state.ownerNext = next;
  state.owners.reach(next);
  readList(reader, () => state.freeOwners.push(reader.word()));
}

function writeFiles(writer: CheckpointWriter, state: NlmFiles): void {
  const { files } = state;
  const locks = new LockWriter(writer, state);
  writer.word(state.fileNext);
  for (let file = 1; file < state.fileNext; file += 1) {
    const used = files.get(file, F_USED);
    writer.word(used);
    if (used === 0) continue;
    const { key, handles } = state.fileNames[file]!;
    writer.word(files.get(file, F_FILE_SYSTEM));
    writer.opaque(key);
    writeList(writer, handles, (handle) => writer.opaque(handle));
    locks.write(file);
    writeWaiters(writer, state, file);
  }
  writeList(writer, state.freeFiles, (id) => writer.word(id));
}

function writeWaiters(writer: CheckpointWriter, state: NlmFiles, file: number): void {
  const { waiters } = state;
  const slots: number[] = [];
  for (let slot = state.files.get(file, F_WAITER); slot !== 0; slot = waiters.get(slot, W_NEXT)) slots.push(slot);
  writeList(writer, slots, (slot) => {
    writer.word(waiters.get(slot, W_OWNER));
    writer.word(waiters.get(slot, W_FLAGS));
    writeRange(writer, waiterRange(state, slot));
    writeU64(writer, waiterLength(state, slot));
    writer.wide(waiters.getWide(slot, W_ID));
    writer.wide(waiters.getWide(slot, W_TIME));
  });
}

function readFiles(reader: CheckpointReader, state: NlmFiles): void {
  const locks = new LockReader(reader, state);
  const next = reader.word();
  for (let file = 1; file < next; file += 1) {
    if (reader.word() === 0) continue;
    const fileSystem = state.fileSystems[reader.word()]!.name;
    const key = reader.opaque();
    const handles: Bytes[] = [];
    readList(reader, () => handles.push(reader.opaque()));
    meetFile(state, { type: 'file-met', file, fileSystem, key, handle: handles[0]! });
    state.fileNames[file]!.handles.push(...handles.slice(1));
    locks.read(file);
    readList(reader, () => {
      const owner = reader.word();
      const flags = reader.word();
      const range = readRange(reader);
      addWaiter(state, { owner, file, range, length: readU64(reader), flags, id: reader.wide(), time: reader.wide() });
    });
  }
  locks.count();
  state.fileNext = next;
  state.files.reach(next);
  readList(reader, () => state.freeFiles.push(reader.word()));
}

function writePending(writer: CheckpointWriter, state: NlmFiles): void {
  writeList(writer, [...state.pending.values()], (grant) => {
    writer.wide(grant.lock);
    writer.word(grant.owner);
    writer.word(grant.file);
    writeRange(writer, grant.range);
    writeU64(writer, grant.length);
    writer.word(grant.exclusive ? 1 : 0);
    writer.word(grant.callback);
    writer.word(grant.handle);
    writer.word(state.undoable.has(grant.lock) ? 1 : 0);
    writer.wide(grant.time);
    writeList(writer, grant.replaced, (before) => {
      writeRange(writer, before.range);
      writer.word(before.exclusive ? 1 : 0);
    });
  });
}

function readPending(reader: CheckpointReader, state: NlmFiles): void {
  const lock = reader.wide();
  const owner = reader.word();
  const file = reader.word();
  const range = readRange(reader);
  const length = readU64(reader);
  const exclusive = reader.word() === 1;
  // The cast brands what was written as one.
  const callback = reader.word() as CallbackForm;
  const handle = reader.word();
  const acknowledged = reader.word() === 1;
  const time = reader.wide();
  const replaced: Replaced[] = [];
  readList(reader, () => replaced.push({ range: readRange(reader), exclusive: reader.word() === 1 }));
  addPending(state, { lock, owner, file, range, length, exclusive, callback, handle, time, replaced });
  if (acknowledged) state.undoable.add(lock);
  settleOwner(state, owner);
  settleFile(state, file);
}

const SHARE_EXPECTED = 1;
const SHARE_RECLAIMED = 2;

function writeShare(writer: CheckpointWriter, share: Share): void {
  writer.wide(share.id);
  for (const word of [share.owner, share.file, share.mode, share.access, share.handle]) writer.word(word);
  writer.word((share.expected ? SHARE_EXPECTED : 0) | (share.reclaimed ? SHARE_RECLAIMED : 0));
  writer.wide(share.time);
}

function readShare(reader: CheckpointReader, state: NlmFiles): void {
  const id = reader.wide();
  const owner = reader.word();
  const file = reader.word();
  // The casts brand what was written as such.
  const mode = reader.word() as ShareBits;
  const access = reader.word() as ShareBits;
  const handle = reader.word();
  const flags = reader.word();
  const reclaimed = (flags & SHARE_RECLAIMED) !== 0;
  const expected = (flags & SHARE_EXPECTED) !== 0;
  addShare(state, { id, owner, file, mode, access, handle, reclaimed, time: reader.wide(), expected });
}

function writeList<T>(writer: CheckpointWriter, list: readonly T[], write: (element: T) => void): void {
  writer.word(list.length);
  for (const element of list) write(element);
}

function readList(reader: CheckpointReader, read: () => unknown): void {
  for (let left = reader.word(); left > 0; left -= 1) read();
}

function writeU64(writer: CheckpointWriter, value: U64): void {
  writer.word(value.high);
  writer.word(value.low);
}

function readU64(reader: CheckpointReader): U64 {
  return { high: reader.word(), low: reader.word() };
}

function writeRange(writer: CheckpointWriter, range: Range): void {
  writeU64(writer, range.start);
  writeU64(writer, range.end);
}

function readRange(reader: CheckpointReader): Range {
  return { start: readU64(reader), end: readU64(reader) };
}

/** Fields in one order, whoever made the object. */
function sorted(record: object): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
