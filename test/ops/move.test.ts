/** The runbook of the move from another lock manager, line by line in a shell, on a host with one. */

import test from 'ava';
import { EXIT } from '../../src/cli/exit-codes.js';
import { NLM4_DENIED, NLM4_DENIED_GRACE_PERIOD } from '../../src/nlm/status.js';
import { SET_UP } from '../nsm/daemons.js';
import { linesOf } from '../support/runbook.js';
import { playScene } from '../support/scene.js';

const RUNBOOK = 'move-from-lockd-or-ganesha.md';
const TOOLS = { rpcbind: 'rpcbind', 'rpc.statd': 'nfs-common', 'sm-notify': 'nfs-common', nsenter: 'util-linux' };

test(`${RUNBOOK}: clients of the old lock manager are told by sm-notify, and reclaim what they held`, async (t) => {
  const seen = await playScene(t, new URL('move.scene.js', import.meta.url), { tools: TOOLS, setUp: SET_UP });
  if (seen === undefined) return t.pass();
  t.is(seen.get('held at the old one'), 0);
  t.is(seen.get('watched'), 1, "the old one's statd has the client in its list");
  // The cast: the scene wrote pairs of a line and its exit code.
  const ran = seen.get('ran') as readonly (readonly [string, number])[];
  t.deepEqual(
    ran.map(([line]) => line),
    linesOf(RUNBOOK),
  );
  const said = (command: string, nth = 0): string => {
    const at = ran.map(([line], i) => (line.startsWith(command) ? i : -1)).filter((i) => i >= 0)[nth] ?? -1;
    return String(seen.get(`said: ${at + 1}`));
  };
  const codes = ran.filter(([line]) => !line.startsWith('nlm-ledger doctor')).map(([, code]) => code);
  t.true(codes.every((code) => code === 0));
  // While it is only tried, the old one is in the way, and nothing else.
  const failing = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('fail'))
      .map((line) => line.split(':')[0]!.slice('fail'.length).trim());
  t.deepEqual(failing(said('nlm-ledger doctor')), ['lockd', 'statd']);
  t.is(seen.get('a new lock in the grace period'), EXIT.nlmStatus + NLM4_DENIED_GRACE_PERIOD);
  t.like(seen.get('the client was told'), { mon_name: '10.77.0.1' });
  t.is(seen.get('reclaimed'), 0);
  t.regex(said('nlm-ledger grace status'), /lenient/);
  t.regex(said('nlm-ledger locks'), /peer@10\.77\.0\.2/);
  t.regex(said('nlm-ledger grace end'), /no grace period/);
  t.deepEqual(failing(said('nlm-ledger doctor', 1)), []);
  t.regex(said('nlm-ledger status'), /serving: node/);
  t.deepEqual([seen.get('held'), seen.get('free')], [EXIT.nlmStatus + NLM4_DENIED, 0]);
  return undefined;
});
