/** Puts the scene together: the configuration, and what the node says where one runs. */

import type { GroupsReply, LockRow, Page, StatusReply } from '../admin/messages.js';
import { addressFrom } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import type { Configuration } from '../config/configuration.js';
import { Rpcbind } from '../effects/rpcbind/rpcbind.js';
import { PMAP_PORT } from '../portmap/procedures.js';
import { processOfUnixSocket } from './processes.js';
import { measureSyncs } from './measure-syncs.js';
import { asNodeSays, CLIENTS_MAX, type KnownClient, type NodeFacts, type Scene } from './scene.js';

const PROC = '/proc';
/** Rows of each list that are looked through for clients. */
const ROWS_MAX = 10_000;

/** Calls an administrative procedure of the node. Throws a LedgerError where none answers. */
export type Ask = <Reply>(procedure: string, request: object) => Promise<Reply>;

export async function gather(configuration: Configuration, socket: string, ask: Ask, now: number): Promise<Scene> {
  let node: NodeFacts | undefined;
  let nodeProblem: string | undefined;
  try {
    const status = await ask<StatusReply>('status', {});
    const clients = status.status === 'down' ? [] : await knownClients(ask);
    const { shared = [] } = await ask<GroupsReply>('groups', {});
    node = { status, shared, clients, pid: await processOfUnixSocket(PROC, socket) };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    nodeProblem = error.message;
  }
  return {
    configuration: node === undefined ? configuration : asNodeSays(configuration, node.status),
    socket,
    node,
    nodeProblem,
    rpcbind: new Rpcbind(),
    clientRpcbindPort: PMAP_PORT,
    now,
    measureSyncs,
    proc: PROC,
  };
}

async function knownClients(ask: Ask): Promise<KnownClient[]> {
  const found = new Map<string, KnownClient>();
  for (const procedure of ['waiters', 'locks']) {
    const { rows } = await ask<Page<LockRow>>(procedure, { limit: ROWS_MAX });
    for (const row of rows) {
      const address = addressFrom(row.clientAddress);
      const serverAddress = addressFrom(row.serverAddress);
      if (address === undefined || serverAddress === undefined || found.size >= CLIENTS_MAX) continue;
      const key = `${address} ${serverAddress}`;
      if (!found.has(key)) found.set(key, { name: row.client, address, serverAddress });
    }
  }
  return [...found.values()];
}
