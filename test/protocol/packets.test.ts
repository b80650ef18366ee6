/** Every procedure of every version as tshark reads it from the wire. */

import test from 'ava';
import { playScene } from '../support/scene.js';

test('tshark decodes every packet of every procedure and version without one malformed field', async (t) => {
  const tools = { tcpdump: 'tcpdump', tshark: 'tshark' };
  const seen = await playScene(t, new URL('packets.scene.js', import.meta.url), { tools });
  if (seen === undefined) return t.pass();
  t.deepEqual(seen.get('failures'), []);
  t.deepEqual(seen.get('malformed of ours'), []);
  t.deepEqual(seen.get('not taken for RPC'), []);
  t.deepEqual(seen.get('malformed of the client'), []);
  t.true(Number(seen.get('malformed because cut short')) > 100, 'tshark tells what is malformed');
  const upTo = (last: number): readonly number[] => Array.from({ length: last + 1 }, (_, number) => number);
  for (const version of [1, 3, 4]) {
    t.deepEqual(seen.get(`replies of version ${version}`), [...upTo(24), 0xffff_ffff]);
    t.deepEqual(seen.get(`calls of version ${version}`), [5, 10, 11, 12, 13, 14]);
  }
  t.deepEqual(seen.get('replies of NSM'), upTo(7));
  return undefined;
});
