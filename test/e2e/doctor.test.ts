/** The doctor on the server, while real clients lock: all is well, then rpcbind is gone, then it is back. */
import { clients } from './harness/addresses.js';
import { holding, oursOnly, packetsDecode, useWorld } from './harness/suite.js';

const world = useWorld();

interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly todo?: string;
}

async function doctor(): Promise<{ code: number; findings: readonly Finding[] }> {
  const { code, stdout } = await world().node.attemptOnHost(['doctor', '--json']);
  // What comes back is checked by the assertions of the tests.
  return { code, findings: (JSON.parse(stdout) as { readonly findings: readonly Finding[] }).findings };
}

oursOnly('the doctor finds nothing that fails while clients lock, and reaches them', async (t) => {
  const { client1, client2 } = world();
  const name = world().file();
  const [a, b] = [await holding(client1, name), await holding(client2, name)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  const { findings } = await doctor();
  t.deepEqual(
    findings.filter(({ level }) => level === 'fail'),
    [],
  );
  t.like(
    findings.find(({ check }) => check === 'portmapper'),
    { level: 'ok' },
  );
  t.deepEqual(
    findings.filter(({ check, level }) => check === 'callbacks' && level !== 'ok'),
    [],
  );
  await Promise.all([a.kill(), b.kill()]);
});

oursOnly('without rpcbind the doctor says so, and what to do; with it all is well again', async (t) => {
  const { client1, server } = world();
  const a = await holding(client1, world().file());
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  await server.stopRpcbind();
  const { code, findings } = await doctor();
  t.is(code, 13);
  const [away, ...others] = findings.filter(({ check }) => check === 'portmapper');
  t.like(away, { level: 'fail' });
  t.regex(away?.what ?? '', /no rpcbind on this host/);
  t.regex(away?.todo ?? '', /start rpcbind .*--portmap embedded/);
  t.is(others.length, 0);
  t.is(await a.do('lock 0 w 20 10'), 'OK'); // who is connected already goes on
  await server.startRpcbind();
  await server.registered('100021 4 tcp', 60_000);
  t.like(
    (await doctor()).findings.find(({ check }) => check === 'portmapper'),
    { level: 'ok' },
  );
  t.is(await a.do('unlock 0 r 0 0'), 'OK');
  await a.kill();
});

oursOnly('a client that lost its power is named as one that cannot be called back', async (t) => {
  const { client1, client2 } = world();
  const name = world().file();
  const [a, b] = [await holding(client1, name), await holding(client2, name)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  await client1.powerCut();
  const callbacks = (await doctor()).findings.filter(({ check, level }) => check === 'callbacks' && level !== 'ok');
  t.is(callbacks.length, 1);
  t.true(callbacks[0]?.what.includes(clients.client1.ip4));
  await client1.boot();
  await b.kill();
});

packetsDecode(world);
