import test, { type ExecutionContext } from 'ava';
import { parseAddress } from '../../src/base/address.js';
import type { Monitor } from '../../src/core/nsm.js';
import { ClientPorts } from '../../src/effects/client-ports.js';
import { Subscribers } from '../../src/effects/sm-notify/subscribers.js';
import { SM_STATUS } from '../../src/nsm/codecs.js';
import type { SmStatus } from '../../src/nsm/types.js';
import { UINT } from '../../src/portmap/codecs.js';
import { bytes } from '../support/rpc-client.js';
import { startRpcService } from './rpc-service.js';

const PROGRAM = 300_024;
const PROC = 16;

function monitor(monName: string, priv = '0123456789abcdef'): Monitor {
  return { monName: bytes(monName), myName: bytes('localhost'), prog: PROGRAM, vers: 1, proc: PROC, priv: bytes(priv) };
}

async function world(t: ExecutionContext, monitors: readonly Monitor[], failures = 0) {
  const statuses: SmStatus[] = [];
  const logged: string[] = [];
  const waiting: (() => void)[] = [];
  let left = failures;
  const program = await startRpcService('udp', (_call, reader) => {
    if (left-- > 0) return { type: 'SYSTEM_ERR' };
    statuses.push(SM_STATUS.decode(reader));
    waiting.splice(0).forEach((resolve) => resolve());
    return undefined;
  });
  const rpcbind = await startRpcService('tcp', (_call, _reader, result) => {
    UINT.encode(result, program.port);
    return undefined;
  });
  const subscribers = new Subscribers({
    monitors: () => monitors,
    ports: new ClientPorts({ configuredPort: () => undefined, rpcbindPort: rpcbind.port }),
    log: (message) => void logged.push(message),
    resolve: async (name) => (name === 'server1' ? ['10.9.9.9', '2001:db8::1'] : []),
    pausesMs: [1, 1, 1],
  });
  t.teardown(async () => {
    subscribers.close();
    await program.close();
    await rpcbind.close();
  });
  const received = async (count: number): Promise<void> => {
    while (statuses.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { subscribers, statuses, logged, received, calls: program.calls };
}

const notice = (name: string, address: string, state = 5) => ({
  name: bytes(name),
  address: parseAddress(address),
  state,
});

test('a program is called back for the host it watches, by address or by a name that has the address', async (t) => {
  const monitors = [monitor('10.9.9.9'), monitor('server1'), monitor('10.9.9.8'), monitor('nobody')];
  const { subscribers, statuses, received, calls } = await world(t, monitors);
  await subscribers.notice(notice('what it calls itself', '10.9.9.9'));
  await received(2);
  t.deepEqual(
    statuses.toSorted((a, b) => (a.mon_name < b.mon_name ? -1 : 1)),
    [
      { mon_name: bytes('10.9.9.9'), state: 5, priv: bytes('0123456789abcdef') },
      { mon_name: bytes('server1'), state: 5, priv: bytes('0123456789abcdef') },
    ],
  );
  t.like(calls[0], { program: PROGRAM, version: 1, procedure: PROC });
});

test('a notice in the name of a watched host from an address that is not its own calls nobody', async (t) => {
  const { subscribers, statuses, logged } = await world(t, [monitor('server1'), monitor('10.9.9.9')]);
  await subscribers.notice(notice('server1', '10.6.6.6'));
  await subscribers.notice(notice('10.9.9.9', '10.6.6.6'));
  t.deepEqual(statuses, []);
  t.is(logged.length, 1);
});

test('copies of a notice call once, the next state again; a failed call is repeated, and not for ever', async (t) => {
  const { subscribers, received, statuses, calls } = await world(t, [monitor('10.9.9.9')], 2);
  await subscribers.notice(notice('x', '10.9.9.9'));
  await subscribers.notice(notice('x', '10.9.9.9'));
  await received(1);
  t.is(calls.length, 3);
  await subscribers.notice(notice('x', '10.9.9.9', 7));
  await received(2);
  t.deepEqual(
    statuses.map(({ state }) => state),
    [5, 7],
  );
});
