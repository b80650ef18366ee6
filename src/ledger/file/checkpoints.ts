/**
 * Checkpoints beside the segments: a projection at a position, so that a start replays only what came after, and an
 * audit only what came before its moment. Written by the checkpoint worker, read at the start and by audits. Derived
 * from the ledger: the newest stay, and of the older ones a series along the ledger (series.ts).
 *
 * A checkpoint is a file `<position, 16 digits>.ckpt`, all integers little-endian:
 *
 *       0  magic "NLMCHKPT"             8
 *       8  version of this format       u32, now 1
 *      12  version of the state's form  u32
 *      16  position                     u64
 *      24  epoch at it                  u64
 *      32  time at it                   u64, milliseconds since 1970
 *      40  chain hash at it             32
 *      72  group: length u8, then UTF-8 64
 *     136  bytes of the state           u64
 *     144  SHA-256 of the state         32
 *     176  CRC-32 of bytes 0 to 175     u32
 *     180  zeros                        12
 *     192  state
 *
 * It is whole if and only if (1) the magic is right, (2) the version is one that this release reads, (3) the CRC is
 * right and zeros follow it, (4) the file ends with the state, (5) the SHA-256 is right; and it counts only if (6) group and file name are
 * its own, and (7) the ledger has that hash at that position.
 */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { equalBytes, sha256 } from '../chain.js';
import { HASH_BYTES } from '../entry.js';
import type { Checkpoint, CheckpointStore, Head, Position } from '../port.js';
import { headAt } from './replay.js';
import { groupFolders, segmentFirsts, type GroupFolders } from './layout.js';
import { nodeStorage } from './node-storage.js';
import { tooMany, type SizedCheckpoint } from './series.js';
import { readWhole, writeWhole, type Storage } from './storage.js';

const VERSION = 1;
const HEADER_BYTES = 192;
const CRC_AT = 176;
const MAGIC = Buffer.from('NLMCHKPT', 'latin1');

export interface CheckpointOptions {
  readonly data: string;
  readonly group: string;
  /** Where they lie otherwise than in a data folder. */
  readonly folders?: GroupFolders;
  readonly log: (line: string) => void;
  readonly storage?: Storage;
}

export class FileCheckpoints implements CheckpointStore {
  readonly #group: string;
  readonly #folders: GroupFolders;
  readonly #storage: Storage;
  readonly #log: (line: string) => void;

  constructor(options: CheckpointOptions) {
    this.#group = options.group;
    this.#folders = options.folders ?? groupFolders(options.data, options.group);
    this.#storage = options.storage ?? nodeStorage;
    this.#log = options.log;
  }

  async newest(limit: Position): Promise<Checkpoint | undefined> {
    for (const position of (await this.positions()).toReversed()) {
      if (position > limit) continue;
      const name = checkpointName(position);
      const parsed = parseCheckpoint(
        await readWhole(this.#storage, join(this.#folders.checkpoints, name)),
        this.#group,
      );
      const fault = typeof parsed === 'string' ? parsed : await this.#mismatch(parsed, position);
      if (fault === undefined && typeof parsed !== 'string') return parsed;
      this.#log(`checkpoint ${name} of group ${this.#group} is passed over: ${fault}`);
    }
    return undefined;
  }

  /**
   * Whether the ledger may begin behind this head: a whole checkpoint stands there, which is what remains of entries
   * that were archived and removed.
   */
  async beginsAt({ position, hash }: Pick<Head, 'position' | 'hash'>): Promise<boolean> {
    if (position === 0) return true;
    const found = await this.at(position);
    return typeof found !== 'string' && equalBytes(found.hash, hash);
  }

  /** The checkpoint of a position, or what is wrong with it; its hash is not held against the ledger. */
  async at(position: Position): Promise<Checkpoint | string> {
    const name = checkpointName(position);
    if (!(await this.#storage.list(this.#folders.checkpoints)).includes(name)) return 'it is not there';
    const parsed = parseCheckpoint(await readWhole(this.#storage, join(this.#folders.checkpoints, name)), this.#group);
    return typeof parsed === 'string' || parsed.position === position ? parsed : `it says position ${parsed.position}`;
  }

  /** Writes one that no later one rotates away, once a signed checkpoint of its position stands in notes/. */
  async keep(checkpoint: Checkpoint): Promise<void> {
    const folder = this.#folders.checkpoints;
    await this.#storage.makeFolder(folder);
    const name = checkpointName(checkpoint.position);
    await writeWhole(this.#storage, folder, name, encodeCheckpoint(checkpoint, this.#group));
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    await this.keep(checkpoint);
    const folder = this.#folders.checkpoints;
    const signed = new Set(await this.#storage.list(join(this.#folders.root, 'notes')));
    const begin = (segmentFirsts(await this.#storage.list(this.#folders.segments))[0] ?? 1) - 1;
    for (const position of tooMany(await this.#sizes())) {
      // A ledger whose first entries were removed, or are about to be, begins at a checkpoint.
      if (position === begin || signed.has(`${String(position).padStart(16, '0')}.note`)) continue;
      await this.#storage.remove(join(folder, checkpointName(position)));
    }
  }

  async #sizes(): Promise<SizedCheckpoint[]> {
    const sizes: SizedCheckpoint[] = [];
    for (const position of await this.positions()) {
      const file = await this.#storage.open(join(this.#folders.checkpoints, checkpointName(position)), 'read');
      try {
        sizes.push({ position, bytes: await file.size() });
      } finally {
        await file.close();
      }
    }
    return sizes;
  }

  /** Positions of the checkpoints that there are, ascending. */
  async positions(): Promise<Position[]> {
    return (await this.#storage.list(this.#folders.checkpoints))
      .filter((name) => /^\d{16}\.ckpt$/.test(name))
      .map((name) => Number(name.slice(0, 16)))
      .sort((a, b) => a - b);
  }

  async #mismatch(checkpoint: Checkpoint, position: Position): Promise<string | undefined> {
    if (checkpoint.position !== position) return `it says position ${checkpoint.position}`;
    const place = { storage: this.#storage, folder: this.#folders.segments, group: this.#group };
    const head = await headAt(place, position);
    return head !== undefined && equalBytes(head.hash, checkpoint.hash)
      ? undefined
      : 'its hash is not that of the ledger at its position';
  }
}

function checkpointName(position: Position): string {
  return `${String(position).padStart(16, '0')}.ckpt`;
}

function encodeCheckpoint(checkpoint: Checkpoint, group: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + checkpoint.state.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(checkpoint.version, 12);
  bytes.writeBigUInt64LE(BigInt(checkpoint.position), 16);
  bytes.writeBigUInt64LE(BigInt(checkpoint.epoch), 24);
  bytes.writeBigUInt64LE(BigInt(checkpoint.time), 32);
  bytes.set(checkpoint.hash, 40);
  bytes.writeUInt8(Buffer.byteLength(group), 72);
  bytes.write(group, 73, 'utf8');
  bytes.writeBigUInt64LE(BigInt(checkpoint.state.length), 136);
  bytes.set(sha256(checkpoint.state), 144);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  bytes.set(checkpoint.state, HEADER_BYTES);
  return bytes;
}

/** The checkpoint, or what is wrong with it. */
function parseCheckpoint(bytes: Buffer, group: string): Checkpoint | string {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return 'it is no checkpoint';
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return `its format version ${version} is not ${VERSION}`;
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) return 'the CRC of its header is wrong';
  if (bytes.subarray(CRC_AT + 4, HEADER_BYTES).some((byte) => byte !== 0)) return 'its header does not end with zeros';
  if (bytes.toString('utf8', 73, 73 + bytes.readUInt8(72)) !== group) return 'it belongs to another group';
  const state = bytes.subarray(HEADER_BYTES);
  if (bytes.readBigUInt64LE(136) !== BigInt(state.length)) return 'its state is not whole';
  if (!equalBytes(sha256(state), bytes.subarray(144, 144 + HASH_BYTES))) return 'the SHA-256 of its state is wrong';
  return {
    position: Number(bytes.readBigUInt64LE(16)),
    epoch: Number(bytes.readBigUInt64LE(24)),
    time: Number(bytes.readBigUInt64LE(32)),
    hash: Buffer.from(bytes.subarray(40, 40 + HASH_BYTES)),
    version: bytes.readUInt32LE(12),
    state,
  };
}
