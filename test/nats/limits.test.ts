/** The limits of the door, and the forms of the bus: a node in memory behind a real nats-server. */

import { fc, testProp } from '@fast-check/ava';
import test, { type ExecutionContext } from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { Bus } from '../../src/bus/bus.js';
import { SERVICE_ERROR_CODE } from '../../src/bus/errors.js';
import { decodePayload, encodePayload, formatOf } from '../../src/bus/payload.js';
import { parseServer } from '../../src/bus/server.js';
import { eventsSubject, token } from '../../src/bus/subjects.js';
import { openNatsDoor, type NatsDoor } from '../../src/doors/nats/door.js';
import { EVENT_BYTES_UNCONFIRMED_MAX, REQUESTS_IN_FLIGHT_MAX } from '../../src/doors/nats/limits.js';
import { EXIT_OF_ERROR } from '../../src/cli/exit-codes.js';
import { worstOf } from '../../src/cli/render/cluster.js';
import { FakeNode } from '../support/fake-node.js';
import { freeze, natsTest, PlainClient, startNats, until } from '../support/nats.js';

async function openDoor(
  t: ExecutionContext,
  url: string,
  admin: FakeNode,
): Promise<{ readonly door: NatsDoor; readonly faults: unknown[] }> {
  const faults: unknown[] = [];
  const bus = new Bus({ servers: [url], name: 'a' }, { onUp: () => undefined, onDown: () => undefined });
  const log = { error: (details: object) => faults.push(details), warn: () => undefined };
  const door = openNatsDoor({
    bus,
    admin,
    log,
    node: 'a',
    release: '0.1.0',
    eventsFormat: 'json',
    note: () => undefined,
  });
  t.teardown(async () => {
    await door.close();
    await bus.close();
  });
  await bus.start(5000);
  return { door, faults };
}

natsTest('events that the server does not take in time are dropped and counted, and nobody waits', async (t) => {
  const server = await startNats(t);
  const admin = new FakeNode();
  const { door } = await openDoor(t, server.url, admin);
  const client = await PlainClient.connect(t, server);
  const filler = 'x'.repeat(1000);
  const emit = (type: string): void => admin.emit({ group: 'g.1', position: 1, time: 1, event: { type, filler } });
  const heard = async (type: string): Promise<void> => {
    // Again and again, until the server has confirmed what was before.
    const again = setInterval(() => emit(type), 10);
    t.teardown(() => clearInterval(again));
    const events = client.connection.subscribe(eventsSubject('g.1'));
    let seen = 0;
    for await (const message of events) {
      if (message.json<{ event: { type: string } }>().event.type === type) seen += 1;
      // The first one may be what asks whether anybody listens; the second comes once that is known.
      if (seen === 2) break;
    }
    clearInterval(again);
  };
  client.connection.subscribe(eventsSubject('g.1'));
  await heard('first');
  const { natsEvents: before = 0 } = door.counters();
  await freeze(server);
  const count = Math.ceil((2 * EVENT_BYTES_UNCONFIRMED_MAX) / filler.length);
  for (let i = 0; i < count; i += 1) emit('flood');
  const { natsEvents = 0, natsEventsDropped = 0 } = door.counters();
  t.is(natsEvents - before + natsEventsDropped, count);
  t.true((natsEvents - before) * filler.length <= EVENT_BYTES_UNCONFIRMED_MAX);
  t.true(natsEventsDropped > count / 3);
  server.signal('SIGCONT');
  await heard('later');
});

natsTest('events that nobody hears are not published one by one, and a new subscriber misses none', async (t) => {
  const server = await startNats(t);
  const admin = new FakeNode();
  const { door } = await openDoor(t, server.url, admin);
  const client = await PlainClient.connect(t, server);
  const count = 2000;
  let position = 0;
  const emit = (): void => admin.emit({ group: 'g.1', position: ++position, time: 1, event: { type: 'counted' } });
  for (let i = 0; i < count; i += 1) {
    emit();
    if (i % 100 === 0) await client.connection.flush();
  }
  t.true((door.counters()['natsEvents'] ?? 0) < count / 10);
  t.is(door.counters()['natsEventsDropped'], 0);
  const events = client.connection.subscribe(eventsSubject('g.1'));
  await client.connection.flush();
  const first = position + 1;
  for (let i = 0; i < count; i += 1) emit();
  const seen: number[] = [];
  for await (const message of events) {
    const { position: at } = message.json<{ position: number }>();
    // What was held already may come too.
    if (at >= first) seen.push(at);
    if (at === position) break;
  }
  t.deepEqual(seen, Array.from({ length: count }, (_, i) => first + i)); // prettier-ignore
  // The subscriber leaves: soon nothing is published any more.
  await client.connection.flush();
  const isQuiet = async (): Promise<boolean> => {
    const { natsEvents: before = 0 } = door.counters();
    for (let i = 0; i < 100; i += 1) emit();
    await client.connection.flush();
    return (door.counters()['natsEvents'] ?? 0) - before < 50;
  };
  for (let tries = 0; !(await isQuiet()); tries += 1) if (tries === 1000) t.fail('it still publishes');
});

natsTest('a start waits for its limit, not for a server that froze', async (t) => {
  const server = await startNats(t);
  await freeze(server);
  const seen: string[] = [];
  const down = new Promise<void>((resolve) => {
    const onDown = (cause: LedgerError): void => {
      seen.push(cause.code);
      resolve();
    };
    const bus = new Bus({ servers: [server.url], name: 'a' }, { onUp: () => undefined, onDown });
    t.teardown(() => bus.close());
    void bus.start(50).then(() => seen.push('started'));
  });
  await down;
  t.deepEqual(seen, ['started', 'timeout']);
});

natsTest('requests beyond those in flight are refused, and taken again later', async (t) => {
  const server = await startNats(t);
  const admin = new FakeNode();
  await openDoor(t, server.url, admin);
  const client = await PlainClient.connect(t, server);
  const held: (() => void)[] = [];
  admin.submit = () =>
    new Promise((resolve) => {
      held.push(() => resolve({ type: 'withheld', cause: new LedgerError('unavailable', 'away') }));
    });
  const asked = Array.from({ length: REQUESTS_IN_FLIGHT_MAX }, () => client.one('nlm.unlock-ip', { address: '::1' }));
  await until(() => held.length === REQUESTS_IN_FLIGHT_MAX, 'all requests');
  t.like(await client.one('nlm.status', ''), { error: '429', body: { code: 'limit' } });
  for (const answer of held) answer();
  for (const answer of await Promise.all(asked)) t.like(answer, { error: '503', body: { code: 'unavailable' } });
  t.like(await client.one('nlm.status', ''), { error: '' });
});

natsTest('a fault of the node is answered as one, logged, and tells nothing of its inside', async (t) => {
  const server = await startNats(t);
  const admin = new FakeNode();
  const { faults } = await openDoor(t, server.url, admin);
  const client = await PlainClient.connect(t, server);
  admin.submit = async () => {
    throw new TypeError('secret');
  };
  const answer = await client.one('nlm.unlock-ip', { address: '::1' });
  t.like(answer, { error: '503', body: { code: 'unavailable' } });
  t.false(JSON.stringify(answer).includes('secret'));
  t.is(faults.length, 1);
});

natsTest('a request without a reply subject is carried out all the same', async (t) => {
  const server = await startNats(t);
  const admin = new FakeNode();
  await admin.lock();
  await openDoor(t, server.url, admin);
  const client = await PlainClient.connect(t, server);
  client.connection.publish('nlm.unlock-ip', '{"address":"10.1.1.2"}');
  await until(() => admin.state.lockCount === 0, 'the unlock');
  t.pass();
});

test('every error code has a service error, and errors of the caller are below 500', (t) => {
  t.deepEqual(Object.keys(SERVICE_ERROR_CODE).toSorted(), Object.keys(EXIT_OF_ERROR).toSorted());
  t.true(SERVICE_ERROR_CODE['bad-request'] < 500 && SERVICE_ERROR_CODE.unavailable >= 500);
});

test('the worst of many exit codes counts, and nobody reached is unreachable', (t) => {
  t.is(worstOf([0, 0]), 0);
  t.is(worstOf([0, 11, 10]), 11);
  t.is(worstOf([5, 3, 4]), 3);
  t.is(worstOf([3, 6, 7]), 6);
  t.is(worstOf([]), 3);
});

testProp(
  'a token has the characters of a queue name, and two texts never one token',
  [fc.string(), fc.string()],
  (t, a, b) => {
    t.regex(token(a), /^[-\w]*$/);
    t.is(token(a) === token(b), a === b);
  },
);

testProp(
  'a payload is read as it was written, in either format',
  [fc.dictionary(fc.string(), fc.jsonValue())],
  (t, value) => {
    const plain: object = JSON.parse(JSON.stringify(value));
    for (const format of ['json', 'msgpack'] as const) {
      // msgpack's decoder refuses that key.
      if (JSON.stringify(plain).includes('"__proto__":')) return t.pass();
      const bytes = encodePayload(plain, format);
      t.is(formatOf(bytes), format);
      t.deepEqual(decodePayload(bytes), plain);
    }
  },
);

testProp('any bytes are a value or a bad request', [fc.uint8Array({ maxLength: 200 })], (t, bytes) => {
  try {
    decodePayload(bytes);
  } catch (error) {
    t.true(error instanceof LedgerError && error.code === 'bad-request');
  }
  t.pass();
});

test('the places of servers', (t) => {
  t.deepEqual(parseServer('nats-1'), { host: 'nats-1', port: 4222, tls: false });
  t.deepEqual(parseServer('nats://10.0.0.1:14222'), { host: '10.0.0.1', port: 14_222, tls: false });
  t.deepEqual(parseServer('tls://[fd00::1]:4443/'), { host: 'fd00::1', port: 4443, tls: true });
  for (const bad of ['', 'http://x', 'nats://u:p@x', 'x:0', 'x:70000', '[::1', 'a b', 'x:1:2']) {
    t.throws(() => parseServer(bad), { instanceOf: LedgerError }, bad);
  }
});
