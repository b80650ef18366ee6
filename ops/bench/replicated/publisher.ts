/** A stream with three replicas, and one publish at a time to it, fenced as the ledger's are: the servers' own part. */

import { publishAcknowledged } from '../../../src/bus/acknowledge.js';
import { connectOnce, headers, type NatsConnection } from '../../../src/bus/connection.js';

const PUBLISH_MS_MAX = 10_000;

export class Publisher {
  readonly connection: NatsConnection;
  #sequence = 0;

  static async open(servers: readonly string[]): Promise<Publisher> {
    const connection = await connectOnce({ servers, name: 'publisher' });
    const config = { name: 'PLAIN', subjects: ['plain'], num_replicas: 3, storage: 'file' };
    await connection.request('$JS.API.STREAM.CREATE.PLAIN', JSON.stringify(config), { timeout: PUBLISH_MS_MAX });
    return new Publisher(connection);
  }

  private constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  async publish(bytes: Uint8Array): Promise<void> {
    const head = headers();
    head.set('Nats-Expected-Last-Sequence', String(this.#sequence++));
    await publishAcknowledged(this.connection, 'plain', bytes, { msMax: PUBLISH_MS_MAX, headers: head });
  }

  /** Milliseconds of each, one after the other. */
  async times(bytes: Uint8Array, count: number): Promise<number[]> {
    const took: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const at = performance.now();
      await this.publish(bytes);
      took.push(performance.now() - at);
    }
    return took;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
