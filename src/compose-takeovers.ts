/** The wiring of takeovers: what moves each shared group, by order, by itself, and at the start of the node. */

import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { LedgerError } from './base/errors.js';
import type { Bus } from './bus/bus.js';
import type { Configuration, ServiceGroup } from './config/configuration.js';
import type { Order } from './core/command.js';
import type { GroupLife, Way } from './core/life.js';
import { tellAlive } from './takeover/alive.js';
import { GroupTakeover } from './takeover/group-takeover.js';
import { LOOK_MS, OWNER_SEEN_MS_MAX, RETRY_MS } from './takeover/limits.js';
import { movedGroup } from './takeover/moved-group.js';
import type { MemberPort } from './takeover/port.js';
import { howToGoOn, wasInterrupted } from './takeover/release.js';
import { Starter } from './takeover/starter.js';
import { isLeftBehind, withdraw } from './takeover/withdraw.js';

export interface TakeoversOptions {
  readonly configuration: Configuration;
  readonly ports: readonly (MemberPort & { readonly group: ServiceGroup })[];
  /** Not started yet; there is one wherever there are groups. */
  readonly bus: Bus | undefined;
  readonly logger: Logger;
  /** Whether an interface of this host has the address; of loopback none. */
  readonly isHere: (address: string) => boolean;
  /** What an operator should know, while it is so. */
  readonly notes: Map<string, string>;
}

export class Takeovers {
  readonly all: readonly GroupTakeover[];
  readonly #options: TakeoversOptions;
  readonly #starters: readonly Starter[];
  readonly #closing = new AbortController();
  #starts: Promise<unknown> = Promise.resolve();

  constructor(options: TakeoversOptions) {
    this.#options = options;
    const { configuration, ports, bus, logger } = options;
    this.all = ports.map((port) => new GroupTakeover(movedGroup(configuration, port.group), port, logger));
    const groups = ports.map(({ group: { take: mode, silenceMs, goneMs } }, index) => {
      const takeover = this.all[index]!;
      const starter = new Starter({ takeover, mode, silenceMs, goneMs, hears: () => bus?.connection !== undefined });
      return { takeover, starter, silenceMs, goneMs };
    });
    this.#starters = groups.map(({ starter }) => starter);
    if (bus !== undefined) tellAlive(bus, groups);
  }

  /**
   * Once everything is open: this node takes up again what it owned, and what nobody ever did and it is first for; and
   * again after a ledger of its own failed, until somebody else owns the group.
   */
  begin(): void {
    this.#starts = Promise.all(this.all.map((takeover) => this.#start(takeover)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const starter of this.#starters) await starter.close();
    await this.#starts;
    for (const takeover of this.all) await takeover.close();
  }

  async #start(takeover: GroupTakeover): Promise<void> {
    const { notes } = this.#options;
    const { group, port } = takeover;
    const about = `start of group ${group.name}`;
    let order = startOrder(group.node, 'the node started');
    // A take that stopped may have shown that somebody else owns the group: what follows from that does not wait.
    let mayTakeFrom = 0;
    for (; !this.#closing.signal.aborted; await this.#pause(LOOK_MS)) {
      const { role, state } = port;
      if (state === undefined || (role !== 'following' && role !== 'owning')) continue;
      this.#tellInterrupted(takeover);
      if (isLeftBehind(group, port, this.#options.isHere)) await this.#withdraw(takeover);
      const { life } = state;
      // Stopped at a step, which is tried again until it passes or somebody else orders otherwise.
      const isOurs = life.order.commandId === order.commandId && life.status === 'claimed';
      const way = role === 'owning' ? (isOurs ? life.way : undefined) : this.#wayOf(takeover, life);
      if (way === undefined) {
        notes.delete(about);
        continue;
      }
      if (performance.now() < mayTakeFrom) continue;
      // Somebody else may own it since it was lost here: what follows from that does not wait for a claim that is refused.
      if (role === 'following' && life.node === group.node) {
        await port.caughtUp(OWNER_SEEN_MS_MAX).catch(() => undefined);
        if (port.state?.life.node !== group.node) continue;
      }
      try {
        await takeover.take({ order, way, force: false, acceptLoss: false });
        notes.delete(about);
        order = startOrder(group.node, 'its ledger failed, and is there again');
      } catch (error) {
        const why = error instanceof LedgerError ? error.message : String(error);
        notes.set(about, `group ${group.name} is not served yet: ${why}`);
        mayTakeFrom = performance.now() + RETRY_MS;
      }
    }
  }

  /** Whether its file systems were to be unmounted too only who ordered it knows: it is not gone on with unasked. */
  #tellInterrupted({ group, port }: GroupTakeover): void {
    const about = `release of group ${group.name}`;
    const { notes, logger } = this.#options;
    if (!wasInterrupted(group, port)) return void notes.delete(about);
    const text = `group ${group.name}: the node ended in the middle of its release, and nobody serves it: ${howToGoOn(group.name)}`;
    if (!notes.has(about)) logger.warn({ group: group.name }, text);
    notes.set(about, text);
  }

  async #withdraw({ group, port }: GroupTakeover): Promise<void> {
    const { logger, notes } = this.#options;
    const about = `address of group ${group.name}`;
    try {
      const said = await withdraw(group, port);
      notes.delete(about);
      logger.warn({ group: group.name, said }, 'another node owns the group: its address was taken off this host');
    } catch (error) {
      const why = error instanceof LedgerError ? error.message : String(error);
      notes.set(about, `group ${group.name}: another node owns it, and its address is on this host too: ${why}`);
      await this.#pause(RETRY_MS);
    }
  }

  /** Undefined where the group is not this node's to begin with. */
  #wayOf({ group }: GroupTakeover, life: GroupLife): Way | undefined {
    if (life.status === 'unclaimed' && group.nodes[0] === group.node) {
      return this.#options.configuration.firstStart === 'grace' ? 'reclaim' : 'carry';
    }
    if (life.node !== group.node) return undefined;
    if (life.status === 'claimed') return life.way;
    // A restart is not an outage: nothing is dropped and nobody has to reclaim.
    return life.status === 'owned' ? 'carry' : undefined;
  }

  async #pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

function startOrder(node: string, reason: string): Order {
  return { commandId: `start-${randomUUID()}`, actor: `node:${node}`, door: 'start', reason };
}
