/** What real Linux clients said to another server, said to a live node: it answers with the bytes that they were answered with. */

import test from 'ava';
import { readFileSync } from 'node:fs';
import { startNode } from '../support/node.js';
import { RawPeer } from './raw-peer.js';

interface Conversation {
  readonly title: string;
  /** The capture. */
  readonly from: string;
  readonly exchanges: readonly {
    readonly client: 'client1' | 'client2';
    readonly name: string;
    readonly call: string;
    readonly reply: string;
  }[];
}

const { conversations } = JSON.parse(readFileSync('test/golden/conversations.json', 'utf8')) as {
  readonly conversations: readonly Conversation[];
};
const ADDRESSES = { client1: '127.0.0.21', client2: '127.0.0.22' } as const;

for (const transport of ['tcp', 'udp'] as const) {
  test(`captured calls of two Linux clients are answered with the captured replies, byte for byte, over ${transport}`, async (t) => {
    const node = await startNode(t);
    const open = (address: string) => RawPeer.open(transport, '127.0.0.1', node.nlmPort, address);
    const peers = { client1: await open(ADDRESSES.client1), client2: await open(ADDRESSES.client2) };
    t.teardown(() => (peers.client1.close(), peers.client2.close()));
    for (const { title, from, exchanges } of conversations) {
      for (const [index, { client, name, call, reply }] of exchanges.entries()) {
        const answered = await peers[client].exchange(Buffer.from(call, 'hex'));
        t.is(answered.toString('hex'), reply, `${title} (${from}), exchange ${index + 1}: ${name} of ${client}`);
      }
    }
  });
}
