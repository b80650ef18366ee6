/**
 * What only a node with NATS has: the bus, the door on it, the streams of the groups that it shares, and what moves them.
 * Loaded by such a node alone.
 */

import type { Logger } from 'pino';
import { LedgerError } from './base/errors.js';
import { Bus } from './bus/bus.js';
import type { Configuration, NatsConfiguration, ServiceGroup } from './config/configuration.js';
import { CHECKPOINT_VERSION } from './core/checkpoint.js';
import { EVENT_VERSION } from './core/event-codec.js';
import { openReplicatedLog } from './ledger/jetstream/open.js';
import type { ReplicatedLog } from './ledger/replicated.js';

export { Takeovers } from './compose-takeovers.js';
export { openNatsDoor } from './doors/nats/door.js';
export { START_MS_MAX } from './doors/nats/limits.js';

export function newBus(nats: NatsConfiguration, notes: Map<string, string>, logger: Logger): Bus {
  return new Bus(nats, {
    onUp: (server) => {
      notes.delete('nats');
      logger.info({ server }, 'connected to NATS');
    },
    onDown: (cause) => {
      if (!notes.has('nats')) logger.warn({ err: cause }, 'no connection to NATS; it is tried again');
      notes.set('nats', `NATS is away, and tried again: ${cause.message}`);
    },
  });
}

/** A group's stream on the bus, and this node's archive of it. */
export function openStream(
  { data, node, nats }: Configuration,
  { name: group, nodes, witnesses, take }: ServiceGroup,
  bus: Bus | undefined,
  log: (line: string) => void,
): Promise<ReplicatedLog> {
  if (bus === undefined || nats === undefined) throw new LedgerError('bad-configuration', 'groups need nats');
  return openReplicatedLog({
    bus,
    data,
    group,
    node: node.name,
    members: [...nodes, ...witnesses],
    replicas: nats.replicas,
    // A claim without the owner finds what the owner acknowledged (hazard 11).
    waitForFollower: take === 'on-silence',
    eventVersion: EVENT_VERSION,
    checkpointVersion: CHECKPOINT_VERSION,
    // The whole data folder is locked already.
    acquire: async () => ({ release: () => undefined }),
    log,
  });
}
