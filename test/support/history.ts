/**
 * A group that lives through a random history, as a node would have it: commands in batches, one entry a batch, purges,
 * reboots, grace, restarts, changed rules, claims. After each entry it notes what it holds, by the queries of the
 * running node: what an audit of its ledger is held against.
 */

import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { u64ToString } from '../../src/base/u64.js';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { Command, GraceScope, Selector, ShareBits } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import { hasMisses } from '../../src/core/decide-miss.js';
import { needsForgetting } from '../../src/core/decide-names.js';
import { markExamined } from '../../src/core/decide-wake.js';
import { encodeEvent } from '../../src/core/event-codec.js';
import type { Event } from '../../src/core/event.js';
import { evolve } from '../../src/core/evolve.js';
import { graceComplete } from '../../src/core/grace.js';
import { DEFAULT_RULES } from '../../src/core/limits.js';
import type { Outcome } from '../../src/core/outcome.js';
import type { Range } from '../../src/core/range.js';
import { pendingGrants } from '../../src/core/queries.js';
import { initialState, type NlmFiles } from '../../src/core/state.js';
import { sweep, type DroppedRow } from '../../src/core/sweep.js';
import { hasWakes } from '../../src/core/wake-queue.js';
import { Chain } from '../../src/ledger/chain.js';
import type { Head, Position, SealedEntry } from '../../src/ledger/port.js';
import { cancel, lock, order, share, unlock, unshare } from './commands.js';
import type { Random } from './random.js';
import { heldIn, type HeldRow, sharedIn, waitingIn } from './rows.js';

const CLIENTS = ['client1', 'client2', 'client3'];
const SERVERS = ['10.1.1.1', '10.1.1.2'];
const BEGUN = 1_900_000_000_000;

/** What stood after one entry. */
export interface Noted {
  readonly head: Head;
  readonly rows: readonly string[];
}

export class History {
  readonly entries: SealedEntry[] = [];
  /** By position; what stood before the first entry is at 0. */
  readonly noted: Noted[] = [];
  /** Rows that each purge dropped, by its position. */
  readonly dropped = new Map<Position, DroppedRow[]>();
  readonly #pick: Random;
  readonly #chain: Chain;
  readonly #states = new Map<string, number>(CLIENTS.map((client) => [client, 1]));
  #state: NlmFiles = initialState();
  #epoch = 1;
  #node = 'a';
  #time = BEGUN;
  #batch: Event[] = [];

  constructor(pick: Random, group = 'default') {
    this.#pick = pick;
    this.#chain = new Chain(group);
    this.#note();
  }

  get state(): NlmFiles {
    return this.#state;
  }

  get time(): number {
    return this.#time;
  }

  /** So many random steps, and what follows from each. */
  run(steps: number): this {
    this.#start();
    for (let step = 0; step < steps; step += 1) {
      this.#randomStep();
      this.settle();
      if (this.#pick(3) > 0) this.flush();
    }
    this.flush();
    return this;
  }

  /** Decides and evolves; the events join the batch. */
  submit(command: Command): Outcome {
    for (;;) {
      const decision = decide(this.#state, command, { now: this.#time, mayGrant: true });
      const at = { position: this.#chain.head.position + 1, epoch: this.#epoch, time: this.#time };
      for (const event of decision.events) {
        evolve(this.#state, event, at);
        this.#batch.push(event);
        // The report of a purge comes from the sweep that follows it; some are swept later.
        if (isPurge(event)) this.#sweep(event);
      }
      markExamined(this.#state, decision);
      if (decision.outcome.type !== 'again') return decision.outcome;
      sweep(this.#state, Number.POSITIVE_INFINITY);
    }
  }

  /** What the engine does after a step. */
  settle(): void {
    sweep(this.#state, Number.POSITIVE_INFINITY);
    const engine = { commandId: '', actor: 'node:a', door: 'engine', reason: 'every expected reclaim is in' };
    for (let scope = graceComplete(this.#state); scope !== undefined; scope = graceComplete(this.#state)) {
      this.submit({ type: 'end-grace', scope, why: 'complete', order: engine });
    }
    while (hasMisses(this.#state)) this.submit({ type: 'miss' });
    while (hasWakes(this.#state)) this.submit({ type: 'wake' });
    if (needsForgetting(this.#state)) this.submit({ type: 'forget' });
  }

  /** Seals the batch into an entry, and notes what stands. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const writer = new MsgpackWriter();
    for (const event of this.#batch) encodeEvent(writer, event);
    this.entries.push(
      this.#chain.seal({
        epoch: this.#epoch,
        node: this.#node,
        time: this.#time,
        durable: this.#chain.head.position,
        events: { count: this.#batch.length, bytes: writer.view() },
      }),
    );
    this.#batch = [];
    this.#note();
    this.#time += this.#pick(5000);
  }

  /** A moment later, for histories that are told step by step. */
  pass(milliseconds: number): void {
    const now = this.#time;
    this.flush();
    this.#time = now + milliseconds;
  }

  /** From here on another node appends, in the next epoch. */
  claimBy(node: string): void {
    this.flush();
    this.#epoch += 1;
    this.#node = node;
  }

  #sweep(event: Event): void {
    const rows: DroppedRow[] = [];
    sweep(this.#state, Number.POSITIVE_INFINITY, (row) => rows.push(row));
    if (event.type !== 'client-rebooted') this.dropped.set(this.#chain.head.position + 1, rows);
  }

  #note(): void {
    this.noted.push({ head: this.#chain.head, rows: heldRows(this.#state) });
  }

  #start(): void {
    this.submit({ type: 'start', node: this.#node, release: '0.1.0', notes: [] });
    // The configuration changes from start to start: what a replay must not care about.
    const idle = {
      idleFilesMax: 1 + this.#pick(3),
      idleOwnersMax: 2 + this.#pick(5),
      idleClientsMax: 1 + this.#pick(3),
    };
    const commands = { commandsMax: 1 + this.#pick(4), repliesMax: 2 + this.#pick(20) };
    this.submit({ type: 'set-rules', rules: { ...DEFAULT_RULES, ...idle, ...commands } });
    this.flush();
  }

  /** A restart of this node, or another node's claim of the group. */
  #restart(): void {
    this.flush();
    this.#state = deserialize(serialize(this.#state));
    if (this.#pick(2) === 0) this.claimBy(this.#node === 'a' ? 'b' : 'a');
    this.#start();
  }

  #randomStep(): void {
    const pick = this.#pick;
    const at = pick(CLIENTS.length);
    const client = CLIENTS[at]!;
    const what = {
      client,
      from: `10.0.0.${at + 1}`,
      to: SERVERS[pick(SERVERS.length)]!,
      svid: pick(2),
      file: `f${pick(2)}`,
      fileSystem: `fs${pick(2)}`,
      start: BigInt(pick(12)),
      length: pick(8) === 0 ? 0n : BigInt(pick(6) + 1),
      exclusive: pick(2) === 0,
      block: pick(2) === 0,
      reclaim: pick(8) === 0,
    };
    const scopes: GraceScope[] = [
      { type: 'address', address: what.to },
      { type: 'file-system', fileSystem: what.fileSystem },
      { type: 'all' },
    ];
    const scope = scopes[pick(3)]!;
    const kind = pick(100);
    if (kind < 45) this.submit(lock(what));
    else if (kind < 60) this.submit(unlock(what));
    else if (kind < 66) this.submit(cancel(what));
    else if (kind < 76) this.#share(what);
    else if (kind < 84) this.#answer();
    else if (kind < 88) this.#purge(what);
    else if (kind < 91) this.#reboot(what);
    else if (kind < 94) this.submit({ type: 'end-grace', scope, why: 'command', order: order() });
    else if (kind < 97) {
      const policy = pick(2) === 0 ? 'strict' : 'lenient';
      const expect = pick(3) === 0 ? 'none' : 'held';
      this.submit({ type: 'open-grace', scope, durationMs: 1000, policy, expect, order: order() });
    } else if (kind < 99) this.#restart();
    else this.submit({ type: 'free-all', client: lock(what).owner.client });
  }

  #share(what: {
    readonly client: string;
    readonly from: string;
    readonly to: string;
    readonly reclaim: boolean;
  }): void {
    // Casts: what a number below 4 is.
    const opened = {
      ...what,
      oh: `opener${this.#pick(2)}`,
      mode: this.#pick(4) as ShareBits,
      access: this.#pick(4) as ShareBits,
    };
    this.submit(this.#pick(3) === 0 ? unshare(opened) : share(opened));
  }

  #answer(): void {
    const grants = pendingGrants(this.#state, 10);
    const grant = grants[this.#pick(Math.max(1, grants.length))];
    if (grant === undefined) return;
    const onlyCopy = this.#pick(2) === 0;
    if (this.#pick(2) === 0) this.submit({ type: 'acknowledge-grant', lock: grant.lock });
    else this.submit({ type: 'deny-grant', lock: grant.lock, onlyCopy });
  }

  #purge(what: { readonly to: string; readonly from: string; readonly fileSystem: string }): void {
    const held = heldIn(this.#state)[0];
    const selectors: Selector[] = [
      { type: 'address', address: what.to },
      { type: 'file-system', fileSystem: what.fileSystem },
      { type: 'client', address: what.from },
      { type: 'lock', lock: held?.lock ?? 1 },
    ];
    const selector = selectors[this.#pick(selectors.length)]!;
    const reclaimable = (selector.type === 'address' || selector.type === 'file-system') && this.#pick(3) === 0;
    // One purge an entry, so that each position has one report.
    this.flush();
    this.submit({ type: 'purge', selector, order: order(), dryRun: false, reclaimable });
  }

  #reboot(what: { readonly client: string }): void {
    const state = this.#states.get(what.client)! + 2;
    this.#states.set(what.client, state);
    this.submit({ type: 'reboot', client: lock(what).owner.client, state });
  }
}

function isPurge({ type }: Event): boolean {
  return ['address-unlocked', 'file-system-unlocked', 'client-unlocked', 'locks-expected'].includes(type);
}

/** One line a row, in order; `since` is part of it. */
function heldRows(state: NlmFiles): readonly string[] {
  const locks = heldIn(state).map(
    (row) =>
      `lock ${row.lock} ${whose(row)} ${rangeText(row.range)} ${row.exclusive} ${row.time} ` +
      `${row.expected ? 'expected' : 'held'} ${row.pending ? 'pending' : ''}${row.reclaimed ? ' reclaimed' : ''}`,
  );
  const waiters = waitingIn(state).map(
    (row) => `waiter ${row.waiter} ${whose(row)} ${rangeText(row.range)} ${row.exclusive} ${row.time}`,
  );
  const shares = sharedIn(state).map(
    (row) =>
      `share ${row.share} ${whose(row)} ${row.mode}${row.access} ${row.time} ${row.expected ? 'expected' : 'held'}`,
  );
  return [...locks, ...waiters, ...shares].sort();
}

function whose(row: Pick<HeldRow, 'client' | 'serverAddress' | 'svid' | 'oh' | 'file'>): string {
  const { client, serverAddress, svid, oh, file } = row;
  const handle = Buffer.from(file.handle, 'latin1').toString('hex');
  return `${client.name}@${client.address} ${serverAddress} ${svid} ${oh} ${file.fileSystem} ${handle}`;
}

function rangeText({ start, end }: Range): string {
  return `${u64ToString(start)}-${u64ToString(end)}`;
}
