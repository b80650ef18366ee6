/** The connection that a node keeps: when it counts as served. */

import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { nearestFirst, parseServer } from '../../src/bus/server.js';
import { Bus } from '../../src/bus/bus.js';
import { requestAgain } from '../../src/bus/request.js';
import { freeze, natsTest, PlainClient, startNats } from '../support/nats.js';

test('the server of this host is tried first, the others in any order', (t) => {
  const [own] = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const here of ['localhost', '127.0.0.1', hostname(), own?.address ?? '127.0.0.1']) {
    const texts = [
      'nats-1.example.net',
      'nats-2.example.net',
      here.includes(':') ? `[${here}]` : here,
      'nats-3.example.net',
    ];
    const servers = texts.map(parseServer);
    const orders = Array.from({ length: 50 }, () => nearestFirst(servers).map(({ host }) => host));
    t.true(orders.every(([first]) => first === here));
    t.true(orders.every((order) => servers.every(({ host }) => order.includes(host))));
    t.true(new Set(orders.map(([, second]) => second)).size > 1);
  }
});

natsTest('a bus has started once the server has the subscriptions of those who serve on it', async (t) => {
  const server = await startNats(t);
  const { connection } = await PlainClient.connect(t, server);
  const bus = new Bus({ servers: [server.url], name: 'a' }, { onUp: () => undefined, onDown: () => undefined });
  t.teardown(() => bus.close());
  const serving = new Promise<void>((resolve) => {
    bus.onConnected(async (own) => {
      await freeze(server);
      own.subscribe('asked', { callback: (_error, message) => message.respond('here') });
      resolve();
    });
  });
  let hasStarted = false;
  const started = bus.start(30_000).then(() => (hasStarted = true));
  await serving;
  await delay(100);
  t.false(hasStarted, 'the server has read nothing yet');
  server.signal('SIGCONT');
  await started;
  const { data } = await connection.request('asked', '', { timeout: 5000 });
  t.is(Buffer.from(data).toString(), 'here');
});

natsTest('a server that says nothing any more is given up within seconds, and another one taken', async (t) => {
  const servers = [await startNats(t), await startNats(t)];
  const up: string[] = [];
  const down: string[] = [];
  const bus = new Bus(
    { servers: servers.map(({ url }) => url), name: 'a' },
    { onUp: (server) => up.push(server), onDown: ({ message }) => down.push(message) },
  );
  t.teardown(() => bus.close());
  await bus.start(5000);
  const [frozen, other] = up[0]?.endsWith(`:${servers[0]!.port}`) === true ? servers : servers.toReversed();
  const began = performance.now();
  await freeze(frozen!);
  const connection = bus.connection;
  while (bus.connection === connection) await delay(10);
  await bus.connected(30_000);
  t.log(`${Math.round(performance.now() - began)} ms`);
  t.is(down[0], 'the server has been silent for 3000 ms');
  t.true(up[1]?.endsWith(`:${other!.port}`));
});

natsTest('what stays without answer is asked again, what nobody serves is not', async (t) => {
  const server = await startNats(t);
  const { connection } = await PlainClient.connect(t, server);
  let asked = 0;
  connection.subscribe('asked', {
    callback: (_error, message) => {
      asked += 1;
      // As while a stream has no leader.
      if (asked === 3) message.respond('elected');
    },
  });
  const limits = { msMax: 60_000, againMs: 20 };
  const { data } = await requestAgain(connection, 'asked', new Uint8Array(), limits);
  t.is(Buffer.from(data).toString(), 'elected');
  await t.throwsAsync(requestAgain(connection, 'nobody', new Uint8Array(), limits), { code: 'unavailable' });
  await t.throwsAsync(requestAgain(connection, 'asked', new Uint8Array(), { msMax: 100, againMs: 20 }), {
    code: 'timeout',
  });
  t.true(asked >= 6);
});

natsTest('a connection that was lost is not asked for signs of life any more', async (t) => {
  const server = await startNats(t);
  const bus = new Bus({ servers: [server.url], name: 'a' }, { onUp: () => undefined, onDown: () => undefined });
  t.teardown(() => bus.close());
  await bus.start(5000);
  const lost = bus.connection!;
  let asked = 0;
  const flush = lost.flush.bind(lost);
  lost.flush = () => {
    asked += 1;
    return flush();
  };
  while (asked === 0) await delay(20);
  await server.stop();
  await lost.closed();
  asked = 0;
  // Two of its times.
  await delay(4500);
  t.is(asked, 0);
});
