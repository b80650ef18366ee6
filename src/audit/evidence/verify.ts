/**
 * `audit verify`: a group's folder, every byte of every file, against itself and against checkpoints that were kept
 * elsewhere. One pass over the segments (ledger/file/verify.ts); each entry goes into the fold that asks the rules
 * (rules/fold.ts) and into the Merkle tree, and what was derived from the ledger is held against both as its position comes.
 * Memory holds one projection, never the entries.
 */

import { sha256 } from '../../ledger/chain.js';
import { LedgerError } from '../../base/errors.js';
import { CHECKPOINT_VERSION, deserialize, serialize } from '../../core/checkpoint.js';
import { decodeEvents } from '../../core/event-codec.js';
import type { Event } from '../../core/event.js';
import { initialState, type NlmFiles } from '../../core/state.js';
import { FileCheckpoints } from '../../ledger/file/checkpoints.js';
import type { FileReader } from '../../ledger/file/reader.js';
import { verify, type Fault as ByteFault, type Place } from '../../ledger/file/verify.js';
import type { Entry, Head, Position } from '../../ledger/port.js';
import { parseNote, verifiedBy, type TrustedKey } from '../../signing/note.js';
import { readState, type SignedState } from './checkpoint.js';
import { GrowingTree, leafHash, type Hash } from './merkle.js';
import { newestState, noteName, notePositions, readNote } from './note-files.js';
import { otherFiles } from './other-files.js';
import { CheckedFold } from './rules/fold.js';

/**
 * `rules`: an event that no decision can have made. `derived`: a checkpoint or another file beside the segments that is
 * not what the ledger says. `cut`: the ledger ends before what was signed. `fork`: it has another history than what was
 * signed. `signature`: a checkpoint that none of the keys signed.
 */
export type FaultKind = ByteFault['kind'] | 'rules' | 'derived' | 'cut' | 'fork' | 'signature';
export type Fault = ByteFault<FaultKind>;

/** A checkpoint from elsewhere. */
export interface Kept {
  /** For people: its file. */
  readonly name: string;
  readonly note: string;
}

export interface EvidenceOptions {
  readonly running: boolean;
  readonly pastDamage: boolean;
  /** The part between the ends of two segments, with what is said of it (ledger/file/verify.ts). Default: all. */
  readonly from?: Position;
  readonly upTo?: Position;
  readonly against: readonly Kept[];
  /** Empty: signatures are not judged. */
  readonly keys: readonly TrustedKey[];
  readonly onFault: (fault: Fault) => void;
  readonly pace?: (position: Position) => Promise<void> | void;
}

export interface Evidence {
  readonly group: string;
  readonly first: Position;
  readonly head: Head;
  readonly segments: number;
  readonly entries: number;
  readonly events: number;
  readonly faults: number;
  /** Of the Merkle tree over all entries; undefined where what came before them is not known. */
  readonly root?: Hash;
  /** The last position up to which the rules were asked. */
  readonly ruled: Position;
  /** Checkpoints that were held against the ledger: the projection's, and signed ones. */
  readonly projections: number;
  readonly notes: number;
  /** Kept ones that hold. */
  readonly matched: readonly string[];
  /** What could not be judged, in words. */
  readonly remarks: readonly string[];
}

/** What stands at a position; epoch and time are not known before the first entry that is there. */
interface Found {
  readonly hash: Hash;
  readonly epoch: number | undefined;
  readonly time: number | undefined;
}

/** What a checkpoint says of a position. */
interface Claim {
  readonly file: string;
  readonly position: Position;
  readonly kind: FaultKind;
  /** What is wrong, or undefined. */
  readonly judge: (head: Found, root: Hash | undefined, state: NlmFiles | undefined) => string | undefined;
  readonly onHeld: () => void;
}

export async function verifyEvidence(reader: FileReader, options: EvidenceOptions): Promise<Evidence> {
  const run = new EvidenceRun(reader, options);
  return run.run();
}

class EvidenceRun {
  readonly #reader: FileReader;
  readonly #options: EvidenceOptions;
  readonly #claims = new Map<Position, Claim[]>();
  readonly #remarks: string[] = [];
  readonly #matched: string[] = [];
  /** SHA-256 of what recovery set aside, as the ledger recorded it. */
  readonly #aside = new Set<string>();
  #fold: CheckedFold | undefined;
  #tree: GrowingTree | undefined;
  #ruled: Position = 0;
  #isBegun = false;
  /** There was a hole. */
  #isBroken = false;
  #faults = 0;
  #projections = 0;
  #notes = 0;

  constructor(reader: FileReader, options: EvidenceOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  async run(): Promise<Evidence> {
    await this.#begin();
    await this.#gatherProjections();
    await this.#gatherNotes();
    for (const kept of this.#options.against) this.#gatherKept(kept);
    if (
      this.#options.keys.length === 0 &&
      (await notePositions(this.#reader)).length + this.#options.against.length > 0
    ) {
      this.#remarks.push('signatures are not judged: no key was given');
    }
    const { running, pastDamage, from, upTo, pace } = this.#options;
    const found = await verify(this.#reader, {
      running,
      pastDamage,
      ...(from === undefined ? {} : { from }),
      ...(upTo === undefined ? {} : { upTo }),
      ...(pace === undefined ? {} : { pace }),
      onEntry: (entry, payload, head, place) => this.#entry(entry, payload, head, place),
      onBreak: () => this.#break(),
      onFault: (fault) => this.#fault(fault),
    });
    if (found.fault === undefined || pastDamage) this.#end(found.head);
    for (const finding of await otherFiles(this.#reader, running, this.#aside)) {
      if (finding.type === 'remark') this.#remarks.push(finding.text);
      else
        this.#fault({
          kind: 'derived',
          file: finding.file,
          ...(finding.offset === undefined ? {} : { offset: finding.offset }),
          why: finding.why,
        });
    }
    const { group } = this.#reader;
    const { first, head, segments, entries, events } = found;
    const root = this.#tree?.root();
    return {
      group,
      first,
      head,
      segments,
      entries,
      events,
      faults: this.#faults,
      ...(root === undefined ? {} : { root }),
      ruled: this.#ruled,
      projections: this.#projections,
      notes: this.#notes,
      matched: this.#matched,
      remarks: this.#remarks,
    };
  }

  /** The fold and the tree before the first entry that is there. */
  async #begin(): Promise<void> {
    const first = this.#options.from ?? (await this.#reader.first());
    this.#ruled = first - 1;
    if (first === 1) {
      this.#fold = new CheckedFold(initialState());
      this.#tree = new GrowingTree();
      return;
    }
    this.#remarks.push(
      `it begins at position ${first}: what stood before was archived, and is vouched for by the checkpoint at ${first - 1} alone`,
    );
    const checkpoint = await this.#store().at(first - 1);
    if (typeof checkpoint === 'string' || checkpoint.version !== CHECKPOINT_VERSION) {
      this.#remarks.push(
        `the rules are not asked: there is no projection at position ${first - 1} that this release reads`,
      );
    } else this.#fold = new CheckedFold(deserialize(checkpoint.state));
    const note = await newestState(this.#reader, first - 1);
    if (note?.size === first - 1 && note.frontier !== undefined) this.#tree = new GrowingTree(note.frontier);
    else
      this.#remarks.push(
        `signed checkpoints are not held against it: there is none at position ${first - 1} that its tree could grow from`,
      );
  }

  #store(): FileCheckpoints {
    const { group, folders, storage } = this.#reader;
    return new FileCheckpoints({ data: '', group, folders, storage, log: () => undefined });
  }

  #asked(positions: readonly Position[]): readonly Position[] {
    const { from = 1, upTo = Number.POSITIVE_INFINITY } = this.#options;
    return positions.filter((position) => position >= from - 1 && position <= upTo);
  }

  async #gatherProjections(): Promise<void> {
    const store = this.#store();
    for (const position of this.#asked(await store.positions())) {
      const file = `checkpoints/${String(position).padStart(16, '0')}.ckpt`;
      const found = await store.at(position);
      if (typeof found === 'string') {
        this.#fault({ kind: 'derived', file, position, why: found });
        continue;
      }
      const { hash, epoch, time, version } = found;
      const stateHash = sha256(found.state);
      const judge: Claim['judge'] = (head, _root, state) => {
        if (!same(hash, head.hash)) return 'its hash is not that of the entry at its position';
        if (differs(epoch, head.epoch) || differs(time, head.time))
          return `it says epoch ${epoch} and time ${time}, and the entry has ${head.epoch} and ${head.time}`;
        if (state === undefined) return undefined;
        if (version !== CHECKPOINT_VERSION)
          return void this.#remarks.push(`${file} has form ${version}: it is not held against the replay`);
        return same(sha256(serialize(state)), stateHash) ? undefined : 'it is not the projection that a replay gives';
      };
      this.#claim({ file, position, kind: 'derived', judge, onHeld: () => (this.#projections += 1) });
    }
  }

  async #gatherNotes(): Promise<void> {
    for (const position of this.#asked(await notePositions(this.#reader))) {
      const file = `notes/${noteName(position)}`;
      this.#gatherNote(file, await readNote(this.#reader, position), () => (this.#notes += 1), position);
    }
  }

  #gatherKept({ name, note }: Kept): void {
    this.#gatherNote(name, note, () => this.#matched.push(name));
  }

  #gatherNote(file: string, note: string, onHeld: () => void, named?: Position): void {
    let state: SignedState;
    try {
      state = readState(note);
      if (named !== undefined && state.size !== named)
        throw new LedgerError('bad-request', `it says size ${state.size}`);
      const { keys } = this.#options;
      if (keys.length > 0 && verifiedBy(parseNote(note), keys).length === 0) {
        return this.#fault({
          kind: 'signature',
          file,
          position: state.size,
          why: 'none of the keys that were given signed it',
        });
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return this.#fault({ kind: error.code === 'refused' ? 'signature' : 'derived', file, why: error.message });
    }
    if (!state.origin.endsWith(`/${this.#reader.group}`)) {
      return this.#fault({
        kind: 'derived',
        file,
        position: state.size,
        why: `it is of ${state.origin}, not of group ${this.#reader.group}`,
      });
    }
    const judge: Claim['judge'] = (head, root) => {
      if (root !== undefined && !same(root, state.root))
        return `at position ${state.size} the ledger has another history than what was signed: a fork`;
      if (state.frontier !== undefined && !same(state.chain, head.hash))
        return 'its chain hash is not that of the entry at its position';
      if (state.frontier !== undefined && (differs(state.epoch, head.epoch) || differs(state.time, head.time)))
        return 'its epoch or its time is not that of the entry at its position';
      if (root === undefined) this.#remarks.push(`${file}: its chain hash holds, its Merkle root is not checked`);
      return undefined;
    };
    this.#claim({ file, position: state.size, kind: 'fork', judge, onHeld });
  }

  #claim(claim: Claim): void {
    const same = this.#claims.get(claim.position);
    if (same === undefined) this.#claims.set(claim.position, [claim]);
    else same.push(claim);
  }

  #entry(entry: Entry, payload: Uint8Array, head: Head, place: Place): Promise<void> | void {
    if (!this.#isBegun) this.#judgeBeginning(entry);
    this.#isBegun = true;
    this.#tree?.append(leafHash(payload));
    this.#ask(entry, place);
    const claims = this.#claims.get(head.position);
    if (claims === undefined) return;
    this.#claims.delete(head.position);
    this.#judge(claims, head, this.#tree?.root());
    return this.#isBroken ? this.#resume(head) : undefined;
  }

  /** Behind a hole rules and tree go on from what a checkpoint says, where its hash is that of the entry. */
  async #resume({ position, hash }: Head): Promise<void> {
    if (this.#fold === undefined) {
      const found = await this.#store().at(position);
      const holds = typeof found !== 'string' && found.version === CHECKPOINT_VERSION && same(found.hash, hash);
      if (holds) {
        this.#fold = new CheckedFold(deserialize(found.state));
        this.#remarks.push(
          `behind position ${position} the rules are asked again: the checkpoint there is taken at its word`,
        );
      }
    }
    if (this.#tree === undefined) {
      const note = await newestState(this.#reader, position);
      if (note?.size === position && note.frontier !== undefined && same(note.chain, hash)) {
        this.#tree = new GrowingTree(note.frontier);
        this.#remarks.push(
          `behind position ${position} signed checkpoints are held against it again, by the one there`,
        );
      }
    }
  }

  /** Checkpoints at the position before the first entry that is there: the ledger begins at them. */
  #judgeBeginning({ position, previous }: Entry): void {
    const claims = this.#claims.get(position - 1) ?? [];
    this.#claims.delete(position - 1);
    this.#judge(
      claims,
      { hash: previous, epoch: this.#fold?.state.epoch, time: this.#fold?.state.time },
      this.#tree?.root(),
    );
  }

  #judge(claims: readonly Claim[], head: Found, root: Hash | undefined): void {
    for (const { file, position, kind, judge, onHeld } of claims) {
      const why = judge(head, root, this.#fold?.state);
      if (why === undefined) onHeld();
      else this.#fault({ kind, file, position, why });
    }
  }

  #ask(entry: Entry, { file, offset }: Place): void {
    const { position, epoch, time } = entry;
    const report = (kind: 'bytes' | 'rules', why: string): void => this.#fault({ kind, file, offset, position, why });
    const events: Event[] = [];
    try {
      decodeEvents(entry.events, (event) => events.push(event));
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code === 'newer-version') throw error;
      report('bytes', error.message);
      this.#fold = undefined;
    }
    const fold = this.#fold;
    if (fold === undefined) return;
    try {
      const at = { position, epoch, time };
      for (let i = 0; i < events.length; i += 1) {
        const event = events[i]!;
        if (event.type === 'node-started') this.#noteAside(event.notes);
        const why = fold.fold(event, at, events[i + 1]);
        if (why !== undefined) report('rules', `event ${i + 1} (${event.type}): ${why}`);
      }
      this.#ruled = position;
    } catch (error) {
      // Behind events that nobody can have made the fold itself may have no answer.
      report('rules', `the replay cannot go on behind it: ${String(error)}`);
      this.#fold = undefined;
    }
  }

  #noteAside(notes: readonly string[]): void {
    for (const note of notes) for (const [, hash] of note.matchAll(/SHA-256 ([0-9a-f]{64})/g)) this.#aside.add(hash!);
  }

  /** Behind a hole neither the fold nor the tree is known. */
  #break(): void {
    this.#isBroken = true;
    if (this.#fold !== undefined || this.#tree !== undefined) {
      this.#remarks.push(
        `behind position ${this.#ruled} neither the rules nor signed checkpoints are checked: entries are damaged or missing there`,
      );
    }
    this.#fold = undefined;
    this.#tree = undefined;
  }

  /** What was said of positions that the ledger does not reach. */
  #end(head: Head): void {
    for (const [position, claims] of [...this.#claims].sort(([a], [b]) => a - b)) {
      for (const { file, kind, judge, onHeld } of claims) {
        if (position === head.position) {
          const why = judge(head, this.#tree === undefined ? undefined : this.#tree.root(), this.#fold?.state);
          if (why === undefined) onHeld();
          else this.#fault({ kind, file, position, why });
        } else if (position > head.position) {
          const why = `the ledger ends at position ${head.position}, and ${kind === 'fork' ? `was signed up to ${position}: its last ${position - head.position} entries are cut off` : `this is of position ${position}`}`;
          this.#fault({ kind: kind === 'fork' ? 'cut' : kind, file, position, why });
        } else this.#remarks.push(`${file}: position ${position} was archived, and is not checked here`);
      }
    }
  }

  #fault(fault: Fault): void {
    this.#faults += 1;
    this.#options.onFault(fault);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function differs(claimed: number, found: number | undefined): boolean {
  return found !== undefined && claimed !== found;
}
