import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { NlmFiles } from '../../src/core/state.js';
import { THIS_HOST, type Monitor } from '../../src/core/nsm.js';
import { bytes, lock, order, unlock } from '../support/commands.js';
import { Group, NOW } from '../support/decider.js';

const A = '10.1.1.1';
const PRIV = bytes('0123456789abcdef');
const monitor: Monitor = {
  monName: bytes('server1'),
  myName: bytes('localhost'),
  prog: 100021,
  vers: 4,
  proc: 16,
  priv: PRIV,
};

function stateOf(state: NlmFiles, address: string): number | undefined {
  return state.serverStates.get(address);
}

function notify(group: Group, known = false, commandId = 'n1'): void {
  group.submit({ type: 'notify-clients', serverAddresses: [A], known, order: order(commandId) });
}

test('an order to notify names the clients with locks or waiters through the address, each once', (t) => {
  const group = new Group();
  group.submit(lock({ from: '10.0.0.1', file: 'a' }));
  group.submit(lock({ from: '10.0.0.1', file: 'b', svid: 2 }));
  group.submit(lock({ from: '10.0.0.2', file: 'a', block: true }));
  group.submit(lock({ from: '10.0.0.3', file: 'c' }));
  group.submit(unlock({ from: '10.0.0.3', file: 'c' }));
  group.submit(lock({ from: '10.0.0.4', to: '10.1.1.2', file: 'd' }));
  notify(group);
  const notices = [...group.state.nsm.notices.values()];
  t.deepEqual(notices.map(({ client }) => client).toSorted(), ['10.0.0.1', '10.0.0.2']);
  t.true(notices.every(({ state, outcome }) => state === stateOf(group.state, A) && outcome === 'open'));
  notify(group, true, 'n2');
  t.deepEqual([...group.state.nsm.notices.values()].map(({ client }) => client).toSorted(), [
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
  ]);
});

test('the same order again tells nobody again; another order has a newer state', (t) => {
  const group = new Group();
  group.submit(lock({}));
  notify(group);
  const first = stateOf(group.state, A)!;
  notify(group);
  t.is(stateOf(group.state, A), first);
  notify(group, false, 'n2');
  t.is(stateOf(group.state, A), first + 2);
});

test('the outcome of a notice is recorded once, and only of the newest order', (t) => {
  const group = new Group();
  group.submit(lock({}));
  notify(group);
  const old = stateOf(group.state, A)!;
  notify(group, false, 'n2');
  const settle = (state: number, outcome: 'answered' | 'given-up') =>
    group.submit({ type: 'settle-notice', client: '10.0.0.1', serverAddress: A, state, outcome });
  settle(old, 'answered');
  t.like([...group.state.nsm.notices.values()][0], { outcome: 'open', state: old + 2 });
  settle(old + 2, 'answered');
  settle(old + 2, 'given-up');
  t.like([...group.state.nsm.notices.values()][0], { outcome: 'answered', ended: NOW });
});

test('a monitor is kept once, replaced by one with another priv, and ended by SM_UNMON and SM_UNMON_ALL of its own', (t) => {
  const group = new Group();
  group.submit({ type: 'monitor-host', monitor });
  const events = group.history.length;
  group.submit({ type: 'monitor-host', monitor });
  t.is(group.history.length, events);
  group.submit({ type: 'monitor-host', monitor: { ...monitor, priv: bytes('fedcba9876543210') } });
  group.submit({ type: 'monitor-host', monitor: { ...monitor, monName: bytes('server2') } });
  group.submit({ type: 'monitor-host', monitor: { ...monitor, proc: 24 } });
  t.is(group.state.nsm.monitors.size, 3);
  group.submit({ type: 'unmonitor-host', subscriber: monitor, monName: bytes('server1') });
  t.is(group.state.nsm.monitors.size, 2);
  group.submit({ type: 'unmonitor-host', subscriber: monitor });
  t.deepEqual(
    [...group.state.nsm.monitors.values()].map(({ proc }) => proc),
    [24],
  );
});

test('a simulated crash advances every state, tells clients and monitored hosts, and ends every monitor', (t) => {
  const group = new Group();
  group.submit(lock({}));
  group.submit({ type: 'monitor-host', monitor });
  const before = stateOf(group.state, THIS_HOST)!;
  group.submit({ type: 'simulate-crash', serverAddresses: [A], order: order() });
  t.is(stateOf(group.state, THIS_HOST), before + 2);
  t.deepEqual(
    [...group.state.nsm.notices.values()].map(({ client, serverAddress }) => [client, serverAddress]),
    [
      ['server1', THIS_HOST],
      ['10.0.0.1', A],
    ],
  );
  t.is(group.state.nsm.monitors.size, 0);
});

test('a notice of a host that a local program watches is not refused where it is no client', (t) => {
  const group = new Group();
  const reboot = { type: 'reboot', client: { name: bytes('server1'), address: '10.9.9.9' }, state: 5 } as const;
  t.is(group.submit(reboot).type, 'refused');
  group.submit({ type: 'monitor-host', monitor });
  t.is(group.submit(reboot).type, 'done');
});

test('what NSM knows is the same after a replay and after a checkpoint', (t) => {
  const group = new Group();
  group.submit({ type: 'monitor-host', monitor });
  group.submit({ type: 'record-monitored', client: '10.0.0.1', priv: PRIV });
  group.submit(lock({}));
  group.submit(lock({ svid: 2, file: 'b', from: '10.0.0.2' }));
  // The replay comes to the order with the sweep of the purge before it still to do.
  group.submit({ type: 'purge', selector: { type: 'client', address: '10.0.0.2' }, order: order(), dryRun: false });
  notify(group);
  const { nsm } = group.state;
  t.deepEqual(
    [...nsm.notices.values()].map(({ client }) => client),
    ['10.0.0.1'],
  );
  t.deepEqual(group.replayed().nsm, nsm);
  t.deepEqual(deserialize(serialize(group.state)).nsm, nsm);
  t.deepEqual(serialize(deserialize(serialize(group.state))), serialize(group.state));
});
