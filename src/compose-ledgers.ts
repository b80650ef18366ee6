/** Where a node's own ledger lies. */

import type { Logger } from 'pino';
import { LOCAL_GROUP } from './config/check-groups.js';
import type { Configuration } from './config/configuration.js';
import type { OpenedLedger } from './engine/keeper.js';
import { removeRestoredMarker, restoredMarker } from './ledger/file/backup.js';
import { FileCheckpoints } from './ledger/file/checkpoints.js';
import { openFileLedger } from './ledger/file/open.js';

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
