/**
 * What makes a standby take a group by itself, where it is configured to: its owner has released it, or has been silent.
 *
 * Silence does not show that the owner is dead: it may be paused, or cut off from NATS and not from its clients and
 * disks. The ledger's fence keeps it from granting and releasing; what its NFS server still writes, this cannot keep
 * it from. So `on-silence` is for groups whose data path something else fences. Nor does a connection to NATS that is gone,
 * which counts sooner where it is configured to: its process has ended, or it has lost its server. A node that hears
 * nothing at all takes nothing, and the claim needs the archives of all but one of the group's nodes (hazard 11).
 */

import type { ServiceGroup } from '../config/configuration.js';
import type { GroupLife } from '../core/life.js';
import type { GroupTakeover } from './group-takeover.js';
import { LOOK_MS, RETRY_MS, STAGGER_MS } from './limits.js';

export interface StarterOptions {
  readonly takeover: GroupTakeover;
  readonly mode: ServiceGroup['take'];
  readonly silenceMs: number;
  /** For so long nobody answers for the owner, and it counts as silent. */
  readonly goneMs?: number | undefined;
  /** Whether a word of the owner would reach this node now. */
  readonly hears: () => boolean;
}

interface Cause {
  readonly why: 'release' | 'silence';
  readonly commandId: string;
  readonly reason: string;
  /** Who claims meanwhile was not silent. */
  readonly seen: GroupLife;
}

/** The door of its orders. */
const DOOR = 'starter';

export class Starter {
  readonly #options: StarterOptions;
  readonly #timer: NodeJS.Timeout;
  #heardAt = performance.now();
  /** An owner that never answered, one of an earlier release perhaps, is not missed. */
  #hasAnswered = false;
  #missedSince: number | undefined;
  /** The cause that is there, since when, and when it may be tried. */
  #due: { readonly commandId: string; readonly from: number } | undefined;
  #trying: Promise<void> | undefined;
  #closed = false;

  constructor(options: StarterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** The owner says that it is alive; each of its entries says so too. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#missedSince = undefined;
  }

  /** It was asked, and is there. */
  answered(): void {
    this.#hasAnswered = true;
    this.heard();
  }

  /** It was asked, and NATS knows nobody who could answer. */
  missed(): void {
    if (this.#hasAnswered) this.#missedSince ??= performance.now();
  }

  #look(): void {
    if (this.#closed || this.#trying !== undefined) return;
    const { takeover, hears } = this.#options;
    const now = performance.now();
    // Who could not have heard begins to count anew.
    if (!hears() || takeover.port.role !== 'following') {
      this.heard();
      this.#hasAnswered = false;
    }
    const cause = this.#cause(now);
    if (cause === undefined) {
      this.#due = undefined;
      return;
    }
    if (this.#due?.commandId !== cause.commandId) {
      this.#due = { commandId: cause.commandId, from: now + this.#rank() * STAGGER_MS };
    }
    if (now < this.#due.from) return;
    this.#trying = this.#take(cause).finally(() => {
      this.#trying = undefined;
      this.#due = { commandId: cause.commandId, from: performance.now() + RETRY_MS };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#trying;
  }

  #cause(now: number): Cause | undefined {
    const { takeover, mode, silenceMs, goneMs = Number.POSITIVE_INFINITY } = this.#options;
    const { group, port } = takeover;
    const { state } = port;
    if (state === undefined || mode === 'by-command' || takeover.running !== undefined) return undefined;
    const { life, epoch } = state;
    // What it began itself, and what stopped on the way.
    if (life.node === group.node) return this.#unfinished(life);
    if (port.role !== 'following') return undefined;
    if (life.status === 'released') {
      const reason = `node ${life.node} released the group`;
      return { why: 'release', commandId: `release-${life.takeover}-${group.node}-${epoch}`, reason, seen: life };
    }
    const silentMs = now - Math.max(this.#heardAt, port.othersSeenAt);
    const goneForMs = now - Math.max(this.#missedSince ?? now, port.othersSeenAt);
    const isGone = goneForMs >= goneMs;
    if (mode !== 'on-silence' || life.status === 'unclaimed' || (silentMs < silenceMs && !isGone)) return undefined;
    const reason = isGone
      ? `node ${life.node} has had no connection to NATS for ${Math.round(goneForMs)} ms`
      : `node ${life.node} has been silent for ${Math.round(silentMs)} ms`;
    return { why: 'silence', commandId: `silence-${life.takeover}-${group.node}-${epoch}`, reason, seen: life };
  }

  #unfinished(life: GroupLife): Cause | undefined {
    const { order, status, steps } = life;
    const isOwner = this.#options.takeover.port.role === 'owning';
    const stopped = steps.some(({ outcome }) => outcome === 'failed');
    if (!isOwner || order.door !== DOOR || (status !== 'claimed' && !stopped)) return undefined;
    return { why: 'release', commandId: order.commandId, reason: order.reason, seen: life };
  }

  /** Of several standbys the first in the list is the first to try; the others wait whether it does. */
  #rank(): number {
    const { group, port } = this.#options.takeover;
    const owner = port.state?.life.node;
    return Math.max(0, group.nodes.filter((node) => node !== owner).indexOf(group.node));
  }

  /** What stops it is logged by the takeover, and tried again later while its cause is there. */
  async #take({ why, commandId, reason, seen }: Cause): Promise<void> {
    const { takeover } = this.#options;
    const order = { commandId, actor: `node:${takeover.group.node}`, door: DOOR, reason };
    await takeover.take({ order, force: why === 'silence', acceptLoss: false, seen }).catch(() => undefined);
  }
}
