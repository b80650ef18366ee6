/** An address of a group that was taken while its node was paused, cut off or killed. */

import test from 'ava';
import { isLeftBehind, withdraw } from '../../src/takeover/withdraw.js';
import { lock, order } from '../support/commands.js';
import { FLOAT, Scene } from './member.js';

test('an address that stayed behind goes, once another node owns the group and not before', async (t) => {
  const made = new Scene(t);
  const [a, b] = [made.node('a'), made.node('b')];
  const isHere = (address: string): boolean => address === FLOAT;
  const left = (node: typeof a, here = isHere): boolean => isLeftBehind(node.takeover.group, node, here);
  t.false(left(a), 'nobody owns it yet');
  await a.own(order('start-a'));
  t.false(left(a), 'it owns the group');
  await b.takeover.take({ order: order('t1'), force: true, acceptLoss: false });
  t.is(await a.ask(lock({})), 'withheld', 'fenced: it gives the group up');
  t.false(left(b));
  t.true(left(a));
  t.false(
    left(a, () => false),
    'the address is gone already',
  );
  made.trail();
  t.is(await withdraw(a.takeover.group, a), 'did address-down');
  t.deepEqual(made.trail(), ['a address-down']);
});
