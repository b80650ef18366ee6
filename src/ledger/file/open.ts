/**
 * Opens a group's file ledger: lock, look, decide by the recovery table, carry the decision out. The start of the
 * line: nothing is served before it returns.
 */

import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import { EMPTY_HEAD } from '../chain.js';
import type { Capacity, Head } from '../port.js';
import { FileCheckpoints } from './checkpoints.js';
import { FRAME_SEAL } from './format.js';
import { diskFact, inspect, type Inspection, type LastSegment } from './inspect.js';
import { groupFolders, type GroupFolders } from './layout.js';
import { FileLedger } from './ledger.js';
import { nodeStorage } from './node-storage.js';
import { decideRecovery, type Facts } from './recovery.js';
import { cutTail, setSegmentAside } from './repair.js';
import { beginSegment, segmentBytesFor, type ActiveSegment } from './segment.js';
import { diskError, writeAll, type Storage } from './storage.js';
import { SUPPLY_LIMITS, SegmentSupply, type SupplyLimits } from './supply.js';
import { SyncWriter, type SyncWay } from './sync-writer.js';

export interface FileLedgerOptions {
  /** The data folder of the node. */
  readonly data: string;
  readonly group: string;
  /** Takes the folder for this process alone; throws LedgerError `busy` where another one has it. */
  readonly acquire: (folder: string) => Promise<FolderLock>;
  /** Lines for the operator. */
  readonly log: (line: string) => void;
  readonly onCapacity?: (capacity: Capacity) => void;
  readonly storage?: Storage;
  readonly limits?: Partial<SupplyLimits>;
  readonly syncWay?: SyncWay;
  /** Milliseconds without an append after which the ledger writes its mark. */
  readonly idleMarkMs?: number;
  /** Where a ledger that is begun now stands: behind a checkpoint whose entries it will never have. Else at 0. */
  readonly begin?: Head;
}

export interface FolderLock {
  release(): Promise<void> | void;
}

export interface Recovery {
  /** One line for each thing that was not as a clean stop leaves it; empty after one. */
  readonly notes: readonly string[];
  /** True where the ledger was begun just now. */
  readonly created: boolean;
}

/** Soon, but not between the calls of one busy client. */
const IDLE_MARK_MS = 50;
/** Each round sets one half-made segment aside; a crash leaves one at most. */
const ROUNDS_MAX = 3;

/** Throws LedgerError with the code and the advice of the recovery table; then nothing was changed. */
export async function openFileLedger(
  options: FileLedgerOptions,
): Promise<{ readonly ledger: FileLedger; readonly recovery: Recovery }> {
  const opening = new Opening(options);
  const lock = await opening.acquire();
  try {
    const found = await opening.recover();
    return await opening.start(found, lock);
  } catch (error) {
    await lock.release();
    throw diskError(error, `the ledger of group ${options.group} could not be opened`);
  }
}

class Opening {
  readonly #options: FileLedgerOptions;
  readonly #storage: Storage;
  readonly #folders: GroupFolders;
  readonly #limits: SupplyLimits;
  readonly #notes: string[] = [];

  constructor(options: FileLedgerOptions) {
    this.#options = options;
    this.#storage = options.storage ?? nodeStorage;
    this.#folders = groupFolders(options.data, options.group);
    this.#limits = { ...SUPPLY_LIMITS, ...options.limits };
  }

  async acquire(): Promise<FolderLock> {
    try {
      await this.#storage.makeFolder(this.#folders.root);
      return await this.#options.acquire(this.#folders.root);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw this.#stop({ disk: diskFact(error) }, undefined, error);
      throw error.code === 'busy' ? this.#stop({ folder: 'in-use' }, error.message, error) : error;
    }
  }

  /** The last segment, sound and repaired; `undefined` where a ledger is to be begun. */
  async recover(): Promise<LastSegment | undefined> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { facts, fault, last } = await this.#look();
      const decision = decideRecovery(withDefaults(facts));
      if (decision.type === 'create') return undefined;
      if (decision.type === 'stop') throw this.#stop(facts, fault);
      assert(last !== undefined, 'a ledger with segments has a last one');
      if (decision.type === 'open') return last;
      if (decision.type === 'cut-tail') {
        assert(last.tail !== undefined, 'a torn tail was found');
        this.#note(await cutTail(this.#storage, this.#folders, last, last.tail));
        return last;
      }
      this.#note(await setSegmentAside(this.#storage, this.#folders, last));
    }
    throw new LedgerError('damaged', `several last segments of ${this.#folders.root} are half made: restore a backup`);
  }

  async start(
    last: LastSegment | undefined,
    lock: FolderLock,
  ): Promise<{ readonly ledger: FileLedger; readonly recovery: Recovery }> {
    const { group } = this.#options;
    const supply = new SegmentSupply(this.#storage, this.#folders.segments, this.#limits, (capacity, why) => {
      this.#options.log(
        `ledger of group ${group}: ${capacity === 'open' ? 'takes everything again' : 'takes only releases'}: ${why}`,
      );
      this.#options.onCapacity?.(capacity);
    });
    await supply.start();
    try {
      const active = last === undefined ? await this.#begin(supply) : await this.#continue(last);
      const ledger = new FileLedger({
        group,
        storage: this.#storage,
        folder: this.#folders.segments,
        supply,
        writer: new SyncWriter(this.#options.syncWay),
        active,
        head: last?.head ?? this.#beginning,
        lastKind: last?.lastFrame?.kind ?? 0,
        idleMarkMs: this.#options.idleMarkMs ?? IDLE_MARK_MS,
        release: async () => lock.release(),
      });
      return { ledger, recovery: { notes: this.#notes, created: last === undefined } };
    } catch (error) {
      await supply.close();
      throw error;
    }
  }

  async #look(): Promise<{ facts: Partial<Facts>; fault?: string; last?: LastSegment }> {
    try {
      const { data, group } = this.#options;
      const storage = this.#storage;
      const checkpoints = new FileCheckpoints({ data, group, storage, log: () => undefined });
      const begins = (before: Head): Promise<boolean> => checkpoints.beginsAt(before);
      const inspection = await inspect(storage, this.#folders.segments, group, begins);
      return { ...inspection, facts: { ...inspection.facts, disk: await this.#probe(inspection) } };
    } catch (error) {
      return { facts: { disk: diskFact(error) }, fault: String(error) };
    }
  }

  /** Can the disk be written, and is there room for what recovery or a beginning needs? */
  async #probe({ last }: Inspection): Promise<Facts['disk']> {
    try {
      const { segments, checkpoints, aside } = this.#folders;
      for (const folder of [segments, checkpoints, aside]) await this.#storage.makeFolder(folder);
      if (last !== undefined) await (await this.#storage.open(last.path, 'durable')).close();
    } catch (error) {
      return diskFact(error);
    }
    const begin = this.#limits.firstSegmentBytes + this.#limits.reserveBytes + this.#limits.freeBytesMin;
    const needed = last === undefined ? begin : last.tail === undefined ? 1 : last.tail.end - last.tail.offset;
    return (await this.#storage.freeBytes(this.#folders.root)) < needed ? 'full' : 'writable';
  }

  #begin(supply: SegmentSupply): Promise<ActiveSegment> {
    return supply
      .take(this.#limits.firstSegmentBytes, segmentBytesFor(0), false)
      .then((empty) =>
        beginSegment(this.#storage, this.#folders.segments, empty, this.#options.group, this.#beginning, 0),
      );
  }

  get #beginning(): Head {
    return this.#options.begin ?? EMPTY_HEAD;
  }

  async #continue(last: LastSegment): Promise<ActiveSegment> {
    assert(last.header !== undefined, 'a segment to continue has a header');
    const file = await this.#storage.open(last.path, 'durable');
    if (last.lastFrame?.kind !== FRAME_SEAL) {
      if (this.#notes.length === 0) {
        this.#note(`the last run ended without a clean stop, at position ${last.head.position}; nothing was lost`);
      }
      if (last.lastFrame !== undefined) {
        // Where a sync failed before, memory may show bytes that the disk does not have: the same bytes, once more.
        const bytes = Buffer.alloc(last.lastFrame.size);
        await file.read(bytes, last.lastFrame.offset);
        await writeAll(file, bytes, last.lastFrame.offset);
      }
      await file.sync();
    }
    return { file, first: last.first, salt: last.header.salt, bytes: last.fileBytes, end: last.end };
  }

  #note(line: string): void {
    this.#notes.push(line);
    this.#options.log(`ledger of group ${this.#options.group}: ${line}`);
  }

  #stop(facts: Partial<Facts>, fault: string | undefined, cause?: unknown): LedgerError {
    const decision = decideRecovery(withDefaults(facts));
    assert(decision.type === 'stop', 'these facts stop a start');
    const where = `ledger of group ${this.#options.group} in ${this.#folders.root}`;
    return new LedgerError(decision.code, `${where}: ${decision.message}${fault === undefined ? '' : ` (${fault})`}`, {
      details: { facts, fault },
      cause,
    });
  }
}

function withDefaults(facts: Partial<Facts>): Facts {
  return {
    folder: 'free',
    disk: 'writable',
    segments: 'none',
    header: 'valid',
    tail: 'clean',
    chain: 'connected',
    ...facts,
  };
}
