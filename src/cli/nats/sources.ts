/** `audit … --nats`: the sources of an audit on a NATS server, and the end of the connection. */

import { openStreamSources } from '../../audit/stream-source.js';
import type { EntrySource } from '../../audit/source.js';
import { connectOnce } from '../../bus/connection.js';
import type { ClusterOptions } from '../command.js';
import type { Environment } from '../output.js';
import { busOptions } from './ask.js';

export interface OpenSources {
  readonly sources: readonly EntrySource[];
  close(): Promise<void>;
}

export async function sourcesOnNats(
  options: ClusterOptions & { readonly group?: string },
  environment: Environment,
): Promise<OpenSources> {
  const bus = busOptions(options, environment);
  const connection = await connectOnce(bus);
  const close = (): Promise<void> => connection.close();
  try {
    return { sources: await openStreamSources(connection, bus.servers.join(','), options.group), close };
  } catch (error) {
    await close();
    throw error;
  }
}
