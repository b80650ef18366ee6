/** Where the ledgers of a node lie: its own in files, and each shared one as a stream with an archive. */

import type { Logger } from 'pino';
import { LedgerError } from './base/errors.js';
import type { Bus } from './bus/bus.js';
import { LOCAL_GROUP } from './config/check-groups.js';
import type { Configuration, ServiceGroup } from './config/configuration.js';
import { CHECKPOINT_VERSION } from './core/checkpoint.js';
import { EVENT_VERSION } from './core/event-codec.js';
import type { OpenedLedger } from './engine/keeper.js';
import { removeRestoredMarker, restoredMarker } from './ledger/file/backup.js';
import { FileCheckpoints } from './ledger/file/checkpoints.js';
import { openFileLedger } from './ledger/file/open.js';
import type { ReplicatedLog } from './ledger/replicated.js';

/** A single machine has one group; a node of a cluster has one for what is its host's own. */
export function ownGroup({ groups }: Configuration): string {
  return groups.length === 0 ? 'default' : LOCAL_GROUP;
}

/** The embedded ledger of the data folder. */
export async function openLedger(configuration: Configuration, logger: Logger): Promise<OpenedLedger> {
  const { data } = configuration;
  const group = ownGroup(configuration);
  const log = (line: string): void => logger.warn(line);
  const restored = await restoredMarker(data);
  // The whole data folder is locked already.
  const acquire = async () => ({ release: () => undefined });
  const { ledger, recovery } = await openFileLedger({ data, group, acquire, log });
  const notes =
    restored === undefined
      ? recovery.notes
      : [`restored at ${new Date(restored.time).toISOString()}`, ...recovery.notes];
  return {
    ledger,
    checkpoints: new FileCheckpoints({ data, group, log }),
    notes,
    restored: restored !== undefined,
    onRecorded: async () => {
      if (restored !== undefined) await removeRestoredMarker(data);
    },
  };
}

/** A group's stream on the bus, and this node's archive of it. */
export async function openStream(
  { data, node, nats }: Configuration,
  { name: group, nodes, witnesses, take }: ServiceGroup,
  bus: Bus | undefined,
  log: (line: string) => void,
): Promise<ReplicatedLog> {
  if (bus === undefined || nats === undefined) throw new LedgerError('bad-configuration', 'groups need nats');
  const { openReplicatedLog } = await import('./ledger/jetstream/open.js');
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
