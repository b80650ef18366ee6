/**
 * What a node answers while it is in grace, and to a handle that no export serves: every procedure of NLM 1, 3 and 4 that
 * gives or takes, built without the node's own codecs. (ROFS it never says: it sees no mount. FAILED stands for no ledger.)
 */

import { counted, word, type Octets } from '../support/builder.js';
import { drawing, NLM, VERSIONS, type Exchange, type Version } from './exchanges.js';

const SUCCESS = 0;
const [GRANTED, DENIED, DENIED_NOLOCKS, DENIED_GRACE_PERIOD, STALE_FH] = [0, 1, 2, 4, 7] as const;
/** The handles of `drawing` are `vN-` and a name: those of these names are of the export, as its mask says. */
export const EXPORT = {
  path: '/srv/test',
  handle: { format: 'prefix', prefix: '76002d6d', mask: 'ff00ffff' },
} as const;

function refusals(version: Version): readonly Exchange[] {
  const draw = drawing(version);
  const ask = (rule: string, procedure: number, args: Octets, result: Octets): Exchange => ({
    rule,
    program: NLM,
    version,
    procedure,
    args: () => args,
    reply: [...word(SUCCESS), ...result],
  });
  const message = (rule: string, procedure: number, args: Octets, res: Octets): Exchange => ({
    ...ask(rule, procedure, args, []),
    then: { version, procedure: procedure + 5, args: res, isCookieItsOwn: false, answer: () => [] },
  });
  const { res } = draw;
  const mine = { svid: 1, file: 'mine' };
  const other = { svid: 2, file: 'mine' };
  const stale = { svid: 1, file: 'stale' };
  const staleStatus = version === 4 ? STALE_FH : DENIED_NOLOCKS;
  const reclaim = { reclaim: true };
  return [
    ask('LOCK in grace', 2, draw.lock(mine), res(DENIED_GRACE_PERIOD)),
    ask('LOCK in grace that would wait', 2, draw.lock(mine, { block: true }), res(DENIED_GRACE_PERIOD)),
    message('LOCK_MSG in grace', 7, draw.lock(mine), res(DENIED_GRACE_PERIOD)),
    ask('TEST in grace of what nobody has reclaimed', 1, draw.test(mine), res(GRANTED)),
    ask('reclaim in grace', 2, draw.lock(mine, reclaim), res(GRANTED)),
    ask('reclaim in grace once more', 2, draw.lock(mine, reclaim), res(GRANTED)),
    ask('reclaim in grace of what another has reclaimed', 2, draw.lock(other, reclaim), res(DENIED)),
    message('reclaim in grace by LOCK_MSG of what another has reclaimed', 7, draw.lock(other, reclaim), res(DENIED)),
    ask('TEST in grace of what was reclaimed', 1, draw.test(other), draw.held(mine)),
    ask('CANCEL in grace', 3, draw.cancel(other), res(GRANTED)),
    ask('UNLOCK in grace', 4, draw.unlock(mine), res(GRANTED)),
    ask('LOCK in grace of what was unlocked', 2, draw.lock(other), res(DENIED_GRACE_PERIOD)),
    ask('TEST of a handle that is not served', 1, draw.test(stale), res(staleStatus)),
    ask('LOCK of it', 2, draw.lock(stale), res(staleStatus)),
    ask('reclaim of it', 2, draw.lock(stale, reclaim), res(staleStatus)),
    ask('CANCEL of it', 3, draw.cancel(stale), res(staleStatus)),
    ask('UNLOCK of it', 4, draw.unlock(stale), res(staleStatus)),
    ...[6, 7, 8, 9].map((procedure) =>
      message(
        `procedure ${procedure} of it`,
        procedure,
        { 6: draw.test(stale), 7: draw.lock(stale), 8: draw.cancel(stale) }[procedure] ?? draw.unlock(stale),
        res(staleStatus),
      ),
    ),
    ...(version === 1 ? [] : shares(version, ask, staleStatus)),
  ];
}

/** Versions 3 and 4. */
function shares(
  version: Version,
  ask: (rule: string, procedure: number, args: Octets, result: Octets) => Exchange,
  staleStatus: number,
): readonly Exchange[] {
  const { lock, res, share, shareRes } = drawing(version);
  const subject = { svid: 5, file: 'mine-too' };
  return [
    ask('NM_LOCK in grace', 22, lock(subject), res(DENIED_GRACE_PERIOD)),
    ask('SHARE in grace', 20, share(1, 2, 1, { file: 'mine' }), shareRes(DENIED_GRACE_PERIOD)),
    ask('SHARE in grace that reclaims', 20, share(1, 2, 1, { file: 'mine', reclaim: true }), shareRes(GRANTED)),
    ask('UNSHARE in grace', 21, share(1, 2, 1, { file: 'mine' }), shareRes(GRANTED)),
    ask('NM_LOCK of a handle that is not served', 22, lock({ svid: 5, file: 'stale' }), res(staleStatus)),
    ask('SHARE of it', 20, share(1, 2, 1), shareRes(staleStatus)),
    ask('UNSHARE of it', 21, share(1, 2, 1), shareRes(staleStatus)),
    ask('FREE_ALL in grace', 23, [...counted('client1'), ...word(0)], []),
  ];
}

/** In the order in which a fresh node in grace is to be asked. */
export const REFUSALS: readonly Exchange[] = VERSIONS.flatMap(refusals);
