/** Nodes of a cluster without their engines: a bus, an archive and the log of one group each, on a real server. */

import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { NatsCluster } from '../../../ops/nats/cluster.js';
import { Bus } from '../../../src/bus/bus.js';
import { connectOnce } from '../../../src/bus/connection.js';
import { Chain } from '../../../src/ledger/chain.js';
import { openReplicatedLog, type ReplicatedLogOptions } from '../../../src/ledger/jetstream/open.js';
import type { Ledger, Entry, Position } from '../../../src/ledger/port.js';
import type { Claimed, ClaimOptions, LogObserver, ReplicatedLog } from '../../../src/ledger/replicated.js';
import { sealNext } from '../contract.js';
import { acquire, smallLedger, temporaryFolder } from '../fixture.js';

export const PLAIN: ClaimOptions = { acceptLoss: false, quorum: false };
const CONNECT_MS_MAX = 5000;
const INFO_MS_MAX = 1000;
const LOOK_MS = 50;

export interface LogNode {
  readonly log: ReplicatedLog;
  readonly bus: Bus;
  readonly data: string;
  /** What the operator was told. */
  readonly lines: string[];
  readonly observer: Watching;
  close(): Promise<void>;
}

export type NodeOptions = Partial<ReplicatedLogOptions> & { readonly servers: readonly string[] };

/** Three servers, one cluster. */
export async function startCluster(t: ExecutionContext): Promise<NatsCluster> {
  const cluster = await NatsCluster.start({ folder: await temporaryFolder(t) });
  t.teardown(() => cluster.stopAll('SIGKILL'));
  return cluster;
}

/** Index of the server that leads the stream. */
export async function leaderOf(cluster: NatsCluster): Promise<number> {
  const connection = await connectOnce({ servers: cluster.urls, name: 'test' });
  try {
    const { data } = await connection.request('$JS.API.STREAM.INFO.NLM_g_1', undefined, { timeout: 5000 });
    const { cluster: state } = JSON.parse(Buffer.from(data).toString()) as { cluster: { leader: string } };
    return cluster.names.indexOf(state.leader);
  } finally {
    await connection.close();
  }
}

interface Replica {
  readonly current: boolean;
  readonly offline?: boolean;
}

/**
 * Resolves once the stream has a leader and every replica is level with it. nats-server 2.9.10 may elect nobody, for ever,
 * where a server is lost while another that came back just before is not: a rolling restart waits for each.
 */
export async function replicasLevel(cluster: NatsCluster): Promise<void> {
  const connection = await connectOnce({ servers: cluster.urls, name: 'test' });
  try {
    for (let isLevel = false; !isLevel; await delay(LOOK_MS)) {
      // While it has no leader nobody answers.
      const info = connection.request('$JS.API.STREAM.INFO.NLM_g_1', undefined, { timeout: INFO_MS_MAX });
      const data = await info.then((message) => message.data).catch(() => undefined);
      if (data === undefined) continue;
      const { cluster: state } = JSON.parse(Buffer.from(data).toString()) as {
        cluster?: { leader?: string; replicas?: readonly Replica[] };
      };
      const { leader, replicas = [] } = state ?? {};
      const others = cluster.names.length - 1;
      isLevel =
        leader !== undefined &&
        replicas.filter(({ current, offline }) => current && offline !== true).length === others;
    }
  } finally {
    await connection.close();
  }
}

/** A node that has a connection; it follows nothing yet. */
export async function startLog(t: ExecutionContext, name: string, options: NodeOptions): Promise<LogNode> {
  const { servers, ...rest } = options;
  const data = rest.data ?? (await temporaryFolder(t));
  const lines: string[] = [];
  const bus = new Bus({ servers, name }, { onUp: () => undefined, onDown: () => undefined });
  const { limits } = smallLedger(data);
  const log = await openReplicatedLog({
    bus,
    data,
    group: 'g',
    node: name,
    members: [name],
    replicas: 1,
    waitForFollower: false,
    eventVersion: 1,
    checkpointVersion: 1,
    acquire,
    log: (line) => lines.push(line),
    ...(limits && { limits }),
    ...rest,
  });
  await bus.start(CONNECT_MS_MAX);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= log.close().then(() => bus.close()));
  t.teardown(close);
  return { log, bus, data, lines, observer: new Watching(), close };
}

/** An observer that keeps what it sees, and wakes who waits for it. */
class Watching implements LogObserver {
  readonly positions: Position[] = [];
  readonly rewound: Position[] = [];
  readonly away: (Error | undefined)[] = [];
  #waiting: { readonly is: () => boolean; readonly resolve: () => void }[] = [];

  onEntries(entries: readonly Entry[]): void {
    this.positions.push(...entries.map(({ position }) => position));
    this.#wake();
  }

  onRewound(position: Position): void {
    this.rewound.push(position);
    this.#wake();
  }

  onAway(cause: Error | undefined): void {
    this.away.push(cause);
    this.#wake();
  }

  /** Resolves once it is so, after something was seen. */
  async until(is: (watching: this) => boolean): Promise<void> {
    if (is(this)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ is: () => is(this), resolve }));
  }

  #wake(): void {
    for (const { is, resolve } of this.#waiting) if (is()) resolve();
    this.#waiting = this.#waiting.filter(({ is }) => !is());
  }
}

/** An owner with its chain, so that a test appends in one word. */
export class Owner {
  readonly claimed: Claimed;
  readonly chain: Chain;
  readonly epoch: number;

  static async claim({ log }: LogNode, options: ClaimOptions = PLAIN): Promise<Owner> {
    return new Owner(await log.claim(options));
  }

  private constructor(claimed: Claimed) {
    this.claimed = claimed;
    this.chain = new Chain('g', claimed.ledger.head());
    this.epoch = claimed.ledger.head().epoch + 1;
  }

  get ledger(): Ledger {
    return this.claimed.ledger;
  }

  /** Appends so many entries, each of which must become durable. */
  async append(count = 1): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const outcome = await this.ledger.append(sealNext(this.chain, 1, this.epoch));
      if (outcome.type !== 'durable') throw new Error(`an append ended as ${outcome.type}`);
    }
  }
}
