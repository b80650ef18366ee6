/** A node for the tests of doors and command line: the real core in memory behind AdminPort, durable at once. */

import type { NoticeProgress } from '../../src/effects/sm-notify/progress.js';
import { callbackForm } from '../../src/core/callback-form.js';
import type {
  AdminPort,
  DroppedLock,
  GroupView,
  NodeView,
  PurgeReport,
  TakeoverView,
  WatchedBatch,
  WatchedEvent,
} from '../../src/admin/port.js';
import { bytesFromHex, type Bytes } from '../../src/base/bytes.js';
import { LedgerError } from '../../src/base/errors.js';
import { U64_ZERO } from '../../src/base/u64.js';
import type { Command, LockCommand } from '../../src/core/command.js';
import type { Notice } from '../../src/core/nsm.js';
import { decide } from '../../src/core/decide.js';
import { evolve } from '../../src/core/evolve.js';
import { rangeFromWire } from '../../src/core/range.js';
import { initialState } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import type { Settled } from '../../src/engine/settled.js';
import { rangeTexts } from '../../src/admin/rows.js';
import { textOfBytes } from '../../src/admin/text.js';
import { bytesToHex } from '../../src/base/bytes.js';

const NOW = 1_932_076_800_000;

export interface LockFacts {
  readonly client?: string;
  readonly clientAddress?: string;
  readonly serverAddress?: string;
  readonly svid?: number;
  readonly fileSystem?: string;
  readonly handle?: string;
  readonly exclusive?: boolean;
  readonly block?: boolean;
}

export class FakeNode implements AdminPort {
  readonly state = initialState();
  readonly traced = new Set<string>();
  readonly reports = new Map<number, PurgeReport>();
  readonly watchers = new Set<(batch: WatchedBatch) => void>();
  /** Groups that it shares with other nodes. */
  shared: readonly TakeoverView[] = [];
  status: GroupView['status'] = 'serving';
  /** What the next command meets in place of a durable answer. */
  failure: LedgerError | undefined;
  position = 0;
  #xid = 0;

  node(): NodeView {
    return {
      name: 'a',
      release: '0.1.0',
      pid: 4711,
      startedAt: NOW,
      data: '/var/lib/nlm-ledger',
      listeners: [{ address: '127.0.0.1', present: true, nlmPort: 4045, nsmPort: 4046, problem: undefined }],
      connections: 2,
      clients: this.state.clientCount,
      notes: ['control files: off'],
      registration: 'off',
      unmappedCalls: 0,
      counters: { calls: 3 },
    };
  }

  takeovers(): readonly TakeoverView[] {
    return this.shared;
  }

  groups(): readonly GroupView[] {
    const { status, position, state } = this;
    return [
      {
        name: 'default',
        epoch: 3,
        position,
        status,
        statusReason: '',
        state: status === 'down' ? undefined : state,
        isLocal: false,
      },
    ];
  }

  async submit(_group: string, command: Command): Promise<Settled> {
    if (this.failure !== undefined) return { type: 'withheld', cause: this.failure };
    const { events, outcome } = decide(this.state, command, { now: NOW, mayGrant: true });
    const rows: DroppedLock[] = [];
    const files = new Set<number>();
    const fileSystems = new Set<string>();
    if (events.length > 0) this.position += 1;
    for (const event of events) {
      evolve(this.state, event, { position: this.position, epoch: 3, time: NOW });
      this.emit({ group: 'default', position: this.position, time: NOW, event: { type: event.type } });
    }
    while (
      !sweep(this.state, 1000, (row) => {
        files.add(row.file);
        fileSystems.add(row.fileSystem);
        rows.push({
          kind: row.type,
          lock: row.id,
          client: textOfBytes(row.clientName),
          clientAddress: row.clientAddress,
          serverAddress: row.serverAddress,
          svid: row.svid,
          oh: textOfBytes(row.oh),
          fileSystem: row.fileSystem,
          handle: bytesToHex(row.handle),
          ...rangeTexts(row.range),
          exclusive: row.exclusive,
        });
      })
    );
    if (command.type === 'purge' && events.length > 0) {
      this.reports.set(this.position, { group: 'default', files: files.size, fileSystems, rows, truncated: false });
    }
    return { type: 'answer', outcome, position: this.position };
  }

  async lock(facts: LockFacts = {}): Promise<Settled> {
    const handle = bytesFromHex(facts.handle ?? '0001');
    const range = rangeFromWire(U64_ZERO, U64_ZERO);
    if (range === undefined) throw new Error('a whole file is a range');
    this.#xid += 1;
    const command: LockCommand = {
      type: 'lock',
      owner: {
        client: { name: (facts.client ?? 'client1') as Bytes, address: facts.clientAddress ?? '10.1.0.7' },
        serverAddress: facts.serverAddress ?? '10.1.1.2',
        svid: facts.svid ?? 17,
        oh: '17@client1' as Bytes,
      },
      file: { key: handle, fileSystem: facts.fileSystem ?? '/srv/data', handle },
      range,
      length: U64_ZERO,
      exclusive: facts.exclusive ?? true,
      block: facts.block ?? false,
      reclaim: false,
      monitored: true,
      presentLife: false,
      callback: callbackForm({ version: 4, transport: 'tcp', message: false }),
      state: 3,
      call: { port: 700, xid: this.#xid, digest: this.#xid },
    };
    return this.submit('default', command);
  }

  async fileSystemOfPath(
    path: string,
    { force }: { force: boolean },
  ): Promise<{ fileSystem: string; mountPoint: string }> {
    if (path.startsWith('/srv/data')) return { fileSystem: '/srv/data', mountPoint: '/srv/data' };
    if (force) return { fileSystem: 'fsid:1', mountPoint: '/' };
    throw new LedgerError('path-not-served', `${path} is on no served file system`);
  }

  async pathOfHandle(_fileSystem: string, handle: string): Promise<string | undefined> {
    return handle === '0001' ? '/srv/data/a.db' : undefined;
  }

  async purgeReport(_group: string, position: number): Promise<PurgeReport | undefined> {
    return this.reports.get(position);
  }

  /** As if it had just become durable, in an entry of its own. */
  emit(event: WatchedEvent): void {
    for (const watcher of this.watchers) watcher({ count: 1, events: (from = 0) => [event].slice(from) });
  }

  watch(listener: (event: WatchedEvent) => void): { close(): void } {
    return this.watchBatches((batch) => {
      for (const event of batch.events()) listener(event);
    });
  }

  watchBatches(listener: (batch: WatchedBatch) => void): { close(): void } {
    this.watchers.add(listener);
    return { close: () => this.watchers.delete(listener) };
  }

  noticeProgress({ outcome }: Notice): NoticeProgress {
    const phase = outcome === 'open' ? 'waiting' : outcome;
    return { phase, attempts: 0, problem: undefined, last: undefined, next: undefined };
  }

  trace(address: string, on: boolean): void {
    if (on) this.traced.add(address);
    else this.traced.delete(address);
  }
}
