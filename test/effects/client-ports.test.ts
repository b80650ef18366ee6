/** How a client's ports are found: asked at its own address alone, in bounded time. */

import test, { type ExecutionContext } from 'ava';
import { parseAddress } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';
import { ClientPorts, checkCallable, type ClientPortQuery } from '../../src/effects/client-ports.js';
import { MAPPING } from '../../src/portmap/codecs.js';
import { startRpcService, type Answer, type RpcService } from './rpc-service.js';

const QUERY: ClientPortQuery = { address: parseAddress('127.0.0.1'), program: 100021, version: 4, protocol: 'tcp' };

async function rpcbindOf(
  t: ExecutionContext,
  answer: Answer,
  transport: 'tcp' | 'udp' = 'tcp',
): Promise<{ rpcbind: RpcService; ports: ClientPorts }> {
  const rpcbind = await startRpcService(transport, answer);
  t.teardown(() => rpcbind.close());
  return { rpcbind, ports: new ClientPorts({ configuredPort: () => undefined, rpcbindPort: rpcbind.port }) };
}

test('the rpcbind of the client is asked with version 2 over TCP, once for calls at the same time', async (t) => {
  const { rpcbind, ports } = await rpcbindOf(t, (_call, reader, result) => {
    t.deepEqual(MAPPING.decode(reader), { prog: 100021, vers: 4, prot: 6, port: 0 });
    result.uint(40_000);
    return undefined;
  });
  t.deepEqual(await Promise.all([ports.find(QUERY), ports.find(QUERY)]), [40_000, 40_000]);
  t.is(await ports.find(QUERY), 40_000);
  t.is(rpcbind.calls.length, 1);
  t.like(rpcbind.calls[0], { program: 100000, version: 2, procedure: 3 });
  ports.forget(QUERY.address);
  await ports.find(QUERY);
  t.is(rpcbind.calls.length, 2, 'asked again after a failed callback');
});

test('a configured port wins and nobody is asked', async (t) => {
  const ports = new ClientPorts({ configuredPort: () => 7, rpcbindPort: 1 });
  t.is(await ports.find(QUERY), 7);
});

test('an rpcbind that is not there over TCP is asked over UDP', async (t) => {
  const { ports } = await rpcbindOf(
    t,
    (_call, _reader, result) => {
      result.uint(40_001);
      return undefined;
    },
    'udp',
  );
  t.is(await ports.find(QUERY), 40_001);
});

test('a call over UDP that is lost is sent again', async (t) => {
  let copies = 0;
  const { ports } = await rpcbindOf(
    t,
    (_call, _reader, result) => {
      result.uint(40_002);
      return ++copies === 1 ? 'silence' : undefined;
    },
    'udp',
  );
  t.is(await ports.find(QUERY), 40_002);
  t.is(copies, 2);
});

test('the question leaves from the address that the client uses, else from another', async (t) => {
  const { ports } = await rpcbindOf(t, (_call, _reader, result) => {
    result.uint(40_003);
    return undefined;
  });
  t.is(await ports.find({ ...QUERY, localAddress: parseAddress('127.0.0.9') }), 40_003);
  t.is(await ports.find({ ...QUERY, localAddress: parseAddress('203.0.113.9') }), 40_003, 'the address has left');
});

test('a client without the service is not found, and the failure is not kept', async (t) => {
  let port = 0;
  const { ports } = await rpcbindOf(t, (_call, _reader, result) => {
    result.uint(port);
    return undefined;
  });
  t.is((await t.throwsAsync(ports.find(QUERY), { instanceOf: LedgerError })).code, 'not-found');
  port = 65_536;
  t.is((await t.throwsAsync(ports.find(QUERY), { instanceOf: LedgerError })).code, 'not-found');
  port = 9;
  t.is(await ports.find(QUERY), 9);
});

test('a reply that is none, and a refusal, are errors', async (t) => {
  const { ports: truncated } = await rpcbindOf(t, () => undefined);
  t.is((await t.throwsAsync(truncated.find(QUERY), { instanceOf: LedgerError })).code, 'unavailable');
  const { ports: refusing } = await rpcbindOf(t, () => ({ type: 'AUTH_ERROR', auth_stat: 1 }));
  t.is((await t.throwsAsync(refusing.find(QUERY), { instanceOf: LedgerError })).code, 'refused');
});

test('a silent rpcbind costs three seconds and no more', async (t) => {
  const { ports } = await rpcbindOf(t, () => 'silence');
  const start = performance.now();
  await t.throwsAsync(ports.find(QUERY), { instanceOf: LedgerError });
  t.true(performance.now() - start < 4000);
});

test('nobody is called at an address that is not its own', (t) => {
  for (const text of ['0.0.0.0', '::', '224.0.0.1', 'ff02::1', '255.255.255.255', '169.254.169.254']) {
    const error = t.throws(() => checkCallable(parseAddress(text)), { instanceOf: LedgerError }, text);
    t.is(error.code, 'refused');
  }
  for (const text of ['127.0.0.1', '::1', '10.1.1.2', 'fd00::1', 'fe80::1%eth0']) {
    t.notThrows(() => checkCallable(parseAddress(text)));
  }
});
