/**
 * The port of an audit over NATS: the entries of a group straight from its streams, for somebody with the rights of an
 * auditor and no node. Streams have no checkpoints: what stood at a moment is folded from their first entry.
 */

import type { NatsConnection } from '../bus/connection.js';
import { groupsOnStreams, StreamReader } from '../ledger/jetstream/read.js';
import { LedgerError } from '../base/errors.js';
import type { EntrySource } from './source.js';

/** One a group that the server has, or the named one. @throws LedgerError 'not-found', 'unavailable', 'refused' */
export async function openStreamSources(
  connection: NatsConnection,
  server: string,
  group: string | undefined,
): Promise<EntrySource[]> {
  const groups = group === undefined ? await groupsOnStreams(connection) : [group];
  if (groups.length === 0) throw new LedgerError('not-found', `no stream on ${server} is the ledger of a group`);
  return Promise.all(groups.map(async (name) => sourceOf(await StreamReader.open(connection, name), server)));
}

function sourceOf(reader: StreamReader, server: string): EntrySource {
  return {
    group: reader.group,
    place: server,
    first: async () => reader.first(),
    head: () => reader.head(),
    read: (from, upTo) => reader.read(from, upTo),
    checkpoint: async () => undefined,
    hashAt: async (position) => {
      const hash = await reader.hashAt(position);
      return hash === undefined ? undefined : Buffer.from(hash).toString('hex');
    },
    positionAt: (time) => reader.positionAt(time),
  };
}
