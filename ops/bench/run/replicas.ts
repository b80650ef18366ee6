/** Three replicas: two nodes that share a group on three nats-servers, under load, beside an embedded node by turns. */

import { NatsCluster } from '../../nats/cluster.js';
import { benchNodes, type Round } from '../replicated/nodes.js';
import { Publisher } from '../replicated/publisher.js';
import { median } from './statistics.js';

/** One round: operations a second and microseconds of processor at 64x16, milliseconds at 1x1. */
export interface ReplicaFigures {
  readonly operationsPerSecond: number;
  readonly embeddedPerSecond: number;
  readonly ownerCpu: number;
  readonly embeddedCpu: number;
  readonly followerCpu: number;
  readonly serversCpu: number;
  readonly p50: number;
  /** The servers' acknowledgement of one message of an entry's size. */
  readonly acknowledgedP50: number;
}

export interface ReplicaOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmMs: number;
  readonly say: (line: string) => void;
}

/** Needs nats-server. */
export async function runReplicas(options: ReplicaOptions): Promise<readonly ReplicaFigures[]> {
  const cluster = await NatsCluster.start({ folder: options.folder });
  try {
    const publisher = await Publisher.open(cluster.urls);
    try {
      return (await benchNodes({ ...options, cluster, publisher })).map(figuresOf);
    } finally {
      await publisher.close();
    }
  } finally {
    await cluster.stopAll();
  }
}

function figuresOf({ many, manyEmbedded, single, publish, followerCpu, serversCpu }: Round): ReplicaFigures {
  return {
    operationsPerSecond: many.operationsPerSecond,
    embeddedPerSecond: manyEmbedded.operationsPerSecond,
    ownerCpu: many.serverCpu ?? Number.NaN,
    embeddedCpu: manyEmbedded.serverCpu ?? Number.NaN,
    followerCpu,
    serversCpu,
    p50: single.p50 / 1000,
    acknowledgedP50: median(publish),
  };
}
