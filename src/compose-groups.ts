/**
 * The wiring of one group: its writer, what leaves after durability (callbacks, notices, watchers, reports,
 * checkpoints), and how it is begun. `compose` places the groups on the line.
 */

import type { Logger } from 'pino';
import { groupTag } from './nlm/callback-cookie.js';
import { Retention } from './audit/evidence/retention/retention.js';
import { CheckpointTaker } from './audit/evidence/taker/taker.js';
import type { Address } from './base/address.js';
import type { AuditConfiguration } from './config/configuration.js';
import { LedgerError } from './base/errors.js';
import type { Command } from './core/command.js';
import type { WaiterQueued } from './core/event.js';
import { pendingClient, pendingGrant, pendingGrants } from './core/queries.js';
import { addressOf, clientOf, type NlmFiles } from './core/state.js';
import type { DroppedRow } from './core/sweep.js';
import type { ClientCalls } from './effects/granted/call.js';
import { GrantCourier, type CallbackResult } from './effects/granted/courier.js';
import { Checkpointer } from './engine/checkpoint/checkpointer.js';
import type { DurableBatch } from './engine/group.js';
import type { GroupHandle } from './engine/handle.js';
import { PurgeReports } from './engine/purge-reports.js';
import { reportPurge } from './node/purges.js';
import type { Watchers } from './node/watchers.js';

export interface GroupSurroundings {
  readonly data: string;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly clientCalls: ClientCalls;
  readonly watchers: Watchers;
  readonly audit: AuditConfiguration;
  /** A signed checkpoint, for whoever keeps it elsewhere. */
  readonly onCheckpoint: (group: string, note: string) => void;
  /** The ledger may name new notices. */
  readonly onNotices: () => void;
}

/** What a group has beside its writer. */
export class GroupEffects {
  readonly name: string;
  readonly tag: number;
  readonly reports = new PurgeReports();
  readonly courier: GrantCourier;
  readonly checkpointer: Checkpointer;
  readonly #surroundings: GroupSurroundings;
  readonly #taker: CheckpointTaker | undefined;
  readonly #retention: Retention | undefined;

  /** `handle` is asked when something is to be done: it may not be made yet. */
  constructor(name: string, handle: () => GroupHandle, surroundings: GroupSurroundings) {
    const { data, logger, clientCalls } = surroundings;
    const order = (command: Command): void => handle().submit(command, () => undefined);
    this.name = name;
    this.tag = groupTag(name);
    this.#surroundings = surroundings;
    this.checkpointer = new Checkpointer({
      data,
      group: name,
      log: (message, details) => logger.info(details, message),
    });
    this.#taker = newTaker(name, surroundings);
    this.#retention = newRetention(name, surroundings);
    this.courier = new GrantCourier({
      tag: this.tag,
      call: async (grant, cookie) => {
        const { group } = handle();
        if (group === undefined) return NOT_OURS;
        try {
          // Each copy leaves behind a claim that stands (hazard 8), and at once where that is known.
          if (!group.isConfirmed) await group.confirm();
        } catch (error) {
          if (error instanceof LedgerError) return { type: 'failed', called: false, why: error.message };
          throw error;
        }
        return clientCalls.granted(grant, cookie);
      },
      pending: (lock) => {
        const { group } = handle();
        return group === undefined ? undefined : pendingGrant(group.state, lock);
      },
      acknowledge: (lock) => order({ type: 'acknowledge-grant', lock }),
      deny: (lock, onlyCopy) => order({ type: 'deny-grant', lock, onlyCopy }),
      log: (message, details) => logger.warn(details, message),
    });
  }

  /** The group is served from here on: what the ledger says is still owed to clients. */
  begin(state: NlmFiles): void {
    for (const grant of pendingGrants(state, Number.MAX_SAFE_INTEGER))
      this.courier.deliver(grant.lock, grant.client.address, false);
    this.#surroundings.onNotices();
    this.#taker?.begin();
  }

  onDurable(batch: DurableBatch, state: NlmFiles): void {
    const { watchers, clientCalls, onNotices } = this.#surroundings;
    this.checkpointer.count(batch.events.length);
    this.#taker?.reached(batch.position);
    watchers.publish(this.name, batch, state);
    for (const event of batch.events) {
      // Almost all of them: objects of so many shapes are looked at once.
      const { type } = event;
      if (type === 'lock-granted' || type === 'lock-released') continue;
      reportPurge(this.reports, batch.position, event, state);
      if (type === 'notify-ordered') onNotices();
      if (type === 'waiter-queued') warmCallback(clientCalls, event, state);
    }
    if (batch.grants.length === 0) return;
    // The replies of this batch are written in a microtask of this turn: a waiter hears BLOCKED before GRANTED.
    queueMicrotask(() => queueMicrotask(() => this.#deliver(batch, state)));
  }

  #deliver({ grants }: DurableBatch, state: NlmFiles): void {
    for (const lock of grants) {
      const address = pendingClient(state, lock);
      if (address !== undefined) this.courier.deliver(lock, address, true);
    }
  }

  onSwept(row: DroppedRow): void {
    this.reports.add(row);
  }

  onSweepEnd(): void {
    this.reports.end();
  }

  async close(): Promise<void> {
    this.courier.close();
    await this.checkpointer.close();
    await this.#retention?.close();
    await this.#taker?.close();
  }
}

function newTaker(
  group: string,
  { data, logger, audit, onCheckpoint }: GroupSurroundings,
): CheckpointTaker | undefined {
  const { keySeed, origin, everyEntries, everyMs } = audit;
  if (keySeed === undefined) return undefined;
  return new CheckpointTaker({
    data,
    group,
    keySeed,
    origin,
    everyEntries,
    everyMs,
    onTaken: ({ position, note }) => {
      logger.info({ group, position }, 'checkpoint signed');
      onCheckpoint(group, note);
    },
    onFailed: (why) => logger.error({ group, why }, 'no checkpoint could be signed'),
  });
}

function newRetention(group: string, { data, logger, clock, audit }: GroupSurroundings): Retention | undefined {
  const { keySeed, origin, archive } = audit;
  if (archive === undefined || keySeed === undefined) return undefined;
  const { to, olderThanDays, everyMs } = archive;
  return new Retention({
    data,
    group,
    to,
    olderThanMs: olderThanDays * DAY_MS,
    everyMs,
    keySeed,
    origin,
    clock,
    onArchived: ({ segments, bytes, upTo }) =>
      logger.info({ group, to, segments, bytes, upTo }, 'old segments went to the archive'),
    onFailed: (why) => logger.error({ group, to, why }, 'nothing was archived'),
  });
}

const DAY_MS = 86_400_000;

const NOT_OURS: CallbackResult = { type: 'failed', called: false, why: 'the group is not owned here' };

function warmCallback(calls: ClientCalls, { owner, callback }: WaiterQueued, state: NlmFiles): void {
  // The casts brand what was branded when the call came in.
  const client = clientOf(state, owner).address as Address;
  const serverAddress = addressOf(state, owner).address as Address;
  calls.warm(calls.serviceOf(client, serverAddress, callback));
}
