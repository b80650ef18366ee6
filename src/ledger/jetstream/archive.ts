/**
 * This node's own copy of a group's log: a file ledger, in which every entry is synced, and beside it a small record of
 * what is known to be agreed. Under the replicated log; the durable ground that streams are compared with.
 *
 * Agreed is what the stream took and some archive synced: such an entry may have been acknowledged to a client, and
 * another one at its position is a fork. What stands above may have lost the race to a claim. Each entry names the
 * position that its owner knew to be agreed; the record, `replicated.json` in the group's folder, says the same for the
 * last ones of an idle group, and is written off the latency path.
 */

import { join } from 'node:path';
import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import type { Checkpoint, CheckpointStore } from '../port.js';
import type { AppendOutcome, Capacity, Entry, Head, Position, SealedEntry } from '../port.js';
import { FileCheckpoints } from '../file/checkpoints.js';
import { cutAbove } from '../file/cut.js';
import { groupFolders, type GroupFolders } from '../file/layout.js';
import type { FileLedger } from '../file/ledger.js';
import { nodeStorage } from '../file/node-storage.js';
import { openFileLedger, type FileLedgerOptions } from '../file/open.js';
import { headAt, replaySealed } from '../file/replay.js';
import { setEmptyAside } from '../file/repair.js';
import { readWhole, writeWhole, type Storage } from '../file/storage.js';
import { AGREED_IDLE_MS } from './limits.js';

export interface ArchiveOptions extends Omit<FileLedgerOptions, 'begin'> {}

/** What this node knows of its group's replication, over a restart. */
interface Record {
  /** Number of the generation that it last saw. */
  readonly generation: number;
  readonly agreed: Position;
}

const RECORD = 'replicated.json';

export class Archive {
  readonly checkpoints: CheckpointStore & { write(checkpoint: Checkpoint): Promise<void> };
  readonly #options: ArchiveOptions;
  readonly #storage: Storage;
  readonly #folders: GroupFolders;
  #ledger: FileLedger;
  #head: Head;
  /** Name of the node that wrote the entry at the head. */
  #author = '';
  #record: Record | undefined;
  #written: Record | undefined;
  #agreed: Position;
  #writing: Promise<void> = Promise.resolve();
  readonly #idle: NodeJS.Timeout;
  #isOpen = true;
  #hasFailed = false;

  static async open(options: ArchiveOptions): Promise<Archive> {
    const storage = options.storage ?? nodeStorage;
    const { ledger } = await openFileLedger(options);
    const folders = groupFolders(options.data, options.group);
    const record = await readRecord(storage, folders);
    const head = ledger.head();
    const last = await lastEntry(ledger);
    // A ledger that was never replicated told its clients of all that it has.
    const agreed = record === undefined ? head.position : Math.max(record.agreed, last?.durable ?? 0);
    return new Archive(options, ledger, record, Math.min(agreed, head.position), last?.node ?? '');
  }

  private constructor(
    options: ArchiveOptions,
    ledger: FileLedger,
    record: Record | undefined,
    agreed: Position,
    author: string,
  ) {
    this.#options = options;
    this.#storage = options.storage ?? nodeStorage;
    this.#folders = groupFolders(options.data, options.group);
    this.#ledger = ledger;
    this.#head = ledger.head();
    this.#author = author;
    this.#record = record;
    this.#written = record;
    this.#agreed = agreed;
    this.checkpoints = new FileCheckpoints(options);
    this.#idle = setTimeout(() => this.#writeSoon(), AGREED_IDLE_MS);
    this.#idle.unref();
  }

  head(): Head {
    return this.#head;
  }

  /** Name of the node that wrote the entry at the head; empty where there is none. */
  get author(): string {
    return this.#author;
  }

  get agreed(): Position {
    return this.#agreed;
  }

  /** The generation that this archive last was level with; undefined where it never was. */
  get generation(): number | undefined {
    return this.#record?.generation;
  }

  capacity(): Capacity {
    return this.#ledger.capacity();
  }

  /** Appends as the file ledger does; `author` is the entry's node. */
  async append(
    entry: SealedEntry,
    author: string,
    options: { readonly urgent?: boolean; readonly isCopy?: boolean } = {},
  ): Promise<AppendOutcome> {
    const outcome = await this.#append(entry, options);
    if (entry.position <= this.#head.position) return outcome;
    if (outcome.type === 'durable') {
      this.#head = this.#ledger.head();
      this.#author = author;
    }
    return outcome;
  }

  /** Entries of the group's log behind the head, in order, each with its node among `authors`. Where it throws, some may be there. */
  async appendCopies(entries: readonly SealedEntry[], authors: readonly string[]): Promise<AppendOutcome> {
    const before = this.#ledger.head().position;
    try {
      return await this.#ledger.appendCopies(entries);
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#head = this.#ledger.head();
      this.#author = authors[this.#head.position - before - 1] ?? this.#author;
    }
  }

  /** Everything up to `position` stands in the stream too. */
  agree(position: Position, generation: number): void {
    const agreed = Math.max(this.#agreed, Math.min(position, this.#head.position));
    if (agreed === this.#agreed && this.#record?.generation === generation) return;
    this.#agreed = agreed;
    this.#record = { generation, agreed };
    this.#idle.refresh();
  }

  /** In order, up to the head at the time of the call. */
  read(from: Position): AsyncIterable<readonly Entry[]> {
    return this.#ledger.read(from);
  }

  /** The same, in the bytes that were appended. */
  sealed(from: Position, upTo: Position = this.#head.position): AsyncIterable<readonly SealedEntry[]> {
    return replaySealed({ ...this.#place, from, upTo });
  }

  async hashAt(position: Position): Promise<Uint8Array | undefined> {
    if (position === this.#head.position) return this.#head.hash;
    return position > this.#head.position ? undefined : (await headAt(this.#place, position))?.hash;
  }

  /** Sets aside what stands above `position`, and goes on from there. Nothing is being appended. */
  async cutAbove(position: Position): Promise<readonly string[]> {
    await this.#ledger.close();
    const paths = await cutAbove({ ...this.#options, above: position });
    await this.#reopen();
    return paths;
  }

  /**
   * Begins anew behind a checkpoint of another node: nothing stands here yet, and what was before it never will. The
   * checkpoint is written first: a ledger that begins behind one has it.
   */
  async begin(checkpoint: Checkpoint): Promise<void> {
    assert(this.#head.position === 0, 'only an empty archive begins elsewhere');
    await this.checkpoints.write(checkpoint);
    await this.#ledger.close();
    const { position, epoch, time, hash } = checkpoint;
    await setEmptyAside(this.#storage, this.#folders);
    await this.#reopen({ position, epoch, time, hash });
  }

  /** Where its disk failed: recovers from what is on it. Nothing is being appended. */
  async recover(): Promise<void> {
    if (!this.#hasFailed) return;
    await this.#ledger.close().catch(() => undefined);
    await this.#reopen();
    this.#hasFailed = false;
  }

  /** Keeps what contradicts this archive beside it, for people to look at. Returns the folder; the same fork has one. */
  async keepFork(name: string, report: object, entries: readonly Uint8Array[]): Promise<string> {
    const folder = join(this.#folders.aside, `fork-${name}`);
    await this.#storage.makeFolder(folder);
    await writeWhole(this.#storage, folder, 'entries', framed(entries));
    await writeWhole(this.#storage, folder, 'report.json', Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`));
    return folder;
  }

  /** Folders of the forks that were reported. */
  async forks(): Promise<readonly string[]> {
    const names = await this.#storage.list(this.#folders.aside);
    return names.filter((name) => name.startsWith('fork-')).map((name) => join(this.#folders.aside, name));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#idle);
    await this.#writeRecord();
    await this.#ledger.close();
  }

  get #place(): { storage: Storage; folder: string; group: string } {
    return { storage: this.#storage, folder: this.#folders.segments, group: this.#options.group };
  }

  async #append(entry: SealedEntry, options: Parameters<FileLedger['append']>[1]): Promise<AppendOutcome> {
    try {
      return await this.#ledger.append(entry, options);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** What stands on the disk is not known (`unavailable`: the idle mark had failed): it is read before anything goes on. */
  #failed(error: unknown): unknown {
    if (error instanceof LedgerError && (error.code === 'io' || error.code === 'unavailable')) this.#hasFailed = true;
    return error;
  }

  async #reopen(begin?: Head): Promise<void> {
    const { ledger } = await openFileLedger({ ...this.#options, ...(begin && { begin }) });
    this.#ledger = ledger;
    this.#head = ledger.head();
    this.#author = (await lastEntry(ledger))?.node ?? '';
    this.#agreed = Math.min(this.#agreed, this.#head.position);
  }

  #writeSoon(): void {
    this.#writeRecord().catch((error: unknown) => {
      this.#options.log(`group ${this.#options.group}: what is agreed could not be written down: ${String(error)}`);
    });
  }

  async #writeRecord(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const record = this.#record;
        if (record === undefined || record === this.#written) return;
        const bytes = Buffer.from(`${JSON.stringify({ version: 1, ...record })}\n`);
        await writeWhole(this.#storage, this.#folders.root, RECORD, bytes);
        this.#written = record;
      });
    await this.#writing;
  }
}

/** Undefined where there is none, or where the ledger began behind a checkpoint and has nothing of its own yet. */
async function lastEntry(ledger: FileLedger): Promise<Entry | undefined> {
  const { position } = ledger.head();
  let last: Entry | undefined;
  if (position === 0) return undefined;
  try {
    for await (const entries of ledger.read(position)) last = entries.at(-1) ?? last;
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'not-found') throw error;
  }
  return last;
}

/** Each entry behind its length (u32, little-endian). */
function framed(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

async function readRecord(storage: Storage, { root }: GroupFolders): Promise<Record | undefined> {
  if (!(await storage.list(root)).includes(RECORD)) return undefined;
  const path = join(root, RECORD);
  const text = (await readWhole(storage, path)).toString('utf8');
  try {
    const { version, generation, agreed } = JSON.parse(text) as { version: unknown } & Partial<Record>;
    if (version === 1 && Number.isSafeInteger(generation) && Number.isSafeInteger(agreed)) {
      return { generation: generation ?? 0, agreed: agreed ?? 0 };
    }
  } catch {
    // said below
  }
  throw new LedgerError(
    'damaged',
    `${path} is not what was written there. The ledger beside it is whole: move this file away, and start again`,
  );
}
