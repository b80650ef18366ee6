/** Opens the replicated log of one group: this node's archive, the stream, the other nodes. For the wiring list. */

import type { Bus } from '../../bus/bus.js';
import type { SupplyLimits } from '../file/supply.js';
import type { FolderLock } from '../file/open.js';
import type { Storage } from '../file/storage.js';
import type { Capacity } from '../port.js';
import type { ReplicatedLog } from '../replicated.js';
import { Archive } from './archive.js';
import { JetStreamLog } from './log.js';
import { Peers } from './peers.js';
import { GroupStream } from './stream.js';

export interface ReplicatedLogOptions {
  readonly bus: Bus;
  /** The data folder of the node; the archive is `groups/<group>` in it. */
  readonly data: string;
  readonly group: string;
  /** This node's name. */
  readonly node: string;
  /** Names of the nodes that archive the group, this one among them: quorums are counted against them. */
  readonly members: readonly string[];
  /** Of the stream, where this node makes it. */
  readonly replicas: number;
  /** An append counts only once another node has synced it too: where automatic takeover is on (hazard 11). */
  readonly waitForFollower: boolean;
  /** The newest event, and the form of checkpoints, that this release reads. */
  readonly eventVersion: number;
  readonly checkpointVersion: number;
  readonly acquire: (folder: string) => Promise<FolderLock>;
  /** Lines for the operator. */
  readonly log: (line: string) => void;
  readonly onCapacity?: (capacity: Capacity, why: string) => void;
  readonly storage?: Storage;
  readonly limits?: Partial<SupplyLimits>;
}

/** @throws LedgerError what keeps the archive from being opened */
export async function openReplicatedLog(options: ReplicatedLogOptions): Promise<ReplicatedLog> {
  const { bus, group, node, members, replicas, waitForFollower, eventVersion, checkpointVersion, log } = options;
  const onCapacity = options.onCapacity ?? ((): void => undefined);
  const { data, acquire, storage, limits } = options;
  const archive = await Archive.open({
    data,
    group,
    acquire,
    log,
    onCapacity: (capacity) => onCapacity(capacity, ''),
    ...(storage && { storage }),
    ...(limits && { limits }),
  });
  const stream = new GroupStream({ bus, group, replicas });
  const peers = new Peers({ bus, group, node, archive, eventVersion, log });
  const forks = await archive.forks();
  return new JetStreamLog({
    bus, group, node, members, archive, stream, peers, waitForFollower, checkpointVersion, forks, log, onCapacity,
  }); // prettier-ignore
}
