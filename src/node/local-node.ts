/** This node, as administrative procedures see it: the port of admin/ over the parts that `compose` put together. */

import type {
  AdminPort,
  GroupView,
  Listener,
  NodeView,
  PurgeReport,
  TakeoverView,
  WatchedBatch,
  WatchedEvent,
} from '../admin/port.js';
import { bytesFromHex } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { Command } from '../core/command.js';
import type { SigningRules } from '../admin/signed.js';
import type { Notice } from '../core/nsm.js';
import { graces } from '../core/queries.js';
import type { NlmFiles } from '../core/state.js';
import type { NoticeProgress } from '../effects/sm-notify/progress.js';
import type { GroupHandle } from '../engine/handle.js';
import { HOLD_MS_MAX } from '../engine/held-calls.js';
import type { PurgeReports } from '../engine/purge-reports.js';
import type { Settled } from '../engine/settled.js';
import type { Position } from '../ledger/port.js';
import type { FileSystems } from './file-systems.js';
import { droppedRow } from './purges.js';
import type { Tracer } from './tracer.js';
import type { Watchers } from './watchers.js';

export interface LocalNodeParts {
  readonly name: string;
  readonly release: string;
  readonly startedAt: number;
  readonly data: string;
  /** The host's own first. */
  readonly groups: readonly GroupHandle[];
  /** By group, where it is shared with other nodes: the server addresses that move with it. */
  readonly addressesOf: (group: string) => readonly string[] | undefined;
  readonly reports: ReadonlyMap<string, PurgeReports>;
  readonly fileSystems: FileSystems;
  readonly watchers: Watchers;
  readonly tracer: Tracer;
  readonly takeovers: readonly TakeoverView[];
  readonly noticeProgress: (notice: Notice) => NoticeProgress;
  readonly signing: SigningRules;
  readonly listeners: () => readonly Listener[];
  readonly connections: () => number;
  readonly notes: () => readonly string[];
  readonly registration: () => string;
  readonly unmappedCalls: () => number;
  readonly counters: () => Readonly<Record<string, number>>;
}

export class LocalNode implements AdminPort {
  readonly #parts: LocalNodeParts;

  constructor(parts: LocalNodeParts) {
    this.#parts = parts;
  }

  get signing(): SigningRules {
    return this.#parts.signing;
  }

  node(): NodeView {
    const { name, release, startedAt, data } = this.#parts;
    return {
      name,
      release,
      pid: process.pid,
      startedAt,
      data,
      listeners: this.#parts.listeners(),
      connections: this.#parts.connections(),
      clients: this.#parts.groups.reduce((sum, { group }) => sum + (group?.state.clientCount ?? 0), 0),
      notes: this.#parts.notes(),
      registration: this.#parts.registration(),
      unmappedCalls: this.#parts.unmappedCalls(),
      counters: this.#parts.counters(),
    };
  }

  groups(): readonly GroupView[] {
    const { groups, addressesOf } = this.#parts;
    return groups.map((handle, index) => ({
      ...viewOf(handle),
      ...partOf(addressesOf(handle.name)),
      isLocal: index === 0 && groups.length > 1,
    }));
  }

  submit(group: string, command: Command): Promise<Settled> {
    const found = this.#parts.groups.find(({ name }) => name === group);
    if (found === undefined) throw new LedgerError('not-found', `this node has no group ${JSON.stringify(group)}`);
    return found.submitted(command);
  }

  fileSystemOfPath(
    path: string,
    options: { readonly force: boolean },
  ): Promise<{ readonly fileSystem: string; readonly mountPoint: string }> {
    return this.#parts.fileSystems.ofPath(path, options);
  }

  pathOfHandle(fileSystem: string, handle: string): Promise<string | undefined> {
    return this.#parts.fileSystems.pathOfHandle(fileSystem, bytesFromHex(handle));
  }

  async purgeReport(group: string, position: Position, wanted: number): Promise<PurgeReport | undefined> {
    const report = await this.#parts.reports.get(group)?.get(position, wanted);
    if (report === undefined) return undefined;
    const { files, fileSystems, rows, truncated, complete } = report;
    const list = {
      length: rows.length,
      slice: (start: number, end?: number) => rows.slice(start, end).map(droppedRow),
    };
    return { group, files: complete ? files.size : undefined, fileSystems, rows: list, truncated };
  }

  takeovers(): readonly TakeoverView[] {
    return this.#parts.takeovers;
  }

  watch(listener: (event: WatchedEvent) => void): { close(): void } {
    return this.#parts.watchers.add(listener);
  }

  watchBatches(listener: (batch: WatchedBatch) => void): { close(): void } {
    return this.#parts.watchers.addForBatches(listener);
  }

  noticeProgress(notice: Notice): NoticeProgress {
    return this.#parts.noticeProgress(notice);
  }

  trace(address: string, on: boolean): void {
    this.#parts.tracer.set(address, on);
  }
}

function partOf(addresses: readonly string[] | undefined): Pick<GroupView, 'addresses'> {
  return addresses === undefined ? {} : { addresses };
}

function viewOf(handle: GroupHandle): Omit<GroupView, 'addresses' | 'isLocal'> {
  const { name, group, away, durable, state: known } = handle;
  if (group === undefined) {
    const isStandby = known !== undefined;
    const statusReason = isStandby ? ownerText(known) : (away?.message ?? '');
    const status = isStandby ? 'standby' : 'down';
    return { name, epoch: known?.epoch ?? 0, position: durable, status, statusReason, state: known };
  }
  const { epoch, durable: position, state } = group;
  const open = graces(state);
  if (group.waitingMs > HOLD_MS_MAX) {
    const seconds = Math.round(group.waitingMs / 1000);
    const statusReason = `its ledger has not taken an entry for ${seconds} s: nothing is granted, and UNLOCK waits`;
    return { name, epoch, position, status: 'degraded', statusReason, state };
  }
  const { status: stage } = state.life;
  if (stage === 'claimed' || stage === 'releasing') {
    const statusReason = `it is being ${stage === 'claimed' ? 'taken' : 'released'}: nothing is granted meanwhile`;
    return { name, epoch, position, status: 'degraded', statusReason, state };
  }
  if (!group.mayGrant) {
    const statusReason = 'the disk of the ledger is nearly full: locks are given back, none is granted';
    return { name, epoch, position, status: 'degraded', statusReason, state };
  }
  if (open.length > 0) {
    const until = new Date(Math.max(...open.map((grace) => grace.until))).toISOString();
    return { name, epoch, position, status: 'grace', statusReason: `clients may reclaim until ${until}`, state };
  }
  return { name, epoch, position, status: 'serving', statusReason: '', state };
}

function ownerText({ life }: NlmFiles): string {
  if (life.status === 'unclaimed') return 'nobody has claimed it';
  if (life.status === 'releasing') return `being released by ${life.node}`;
  return life.status === 'released' ? `${life.node} has released it` : `owned by ${life.node}`;
}
