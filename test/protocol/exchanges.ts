/**
 * Every procedure of NLM 1, 3 and 4 and of NSM 1 as exchanges with a node that is fresh, in order: a call, its reply, and
 * the call that the node makes of it, each as the .x files and X/Open XNFS draw it, built without the node's own codecs.
 */

import { counted, long, padded, word, type Octets } from '../support/builder.js';

export const NLM = 100021;
export const NSM = 100024;
/** accept_stat, RFC 5531 section 9. */
const [SUCCESS, PROG_MISMATCH, PROC_UNAVAIL, GARBAGE_ARGS] = [0, 2, 3, 4] as const;
/** nlm4_stats. */
const [GRANTED, DENIED, DENIED_NOLOCKS, BLOCKED, DEADLCK, FBIG] = [0, 1, 2, 3, 5, 8] as const;
export type Version = 1 | 3 | 4;
export const VERSIONS: readonly Version[] = [1, 3, 4];

/** A call that the node makes of what it was asked. Its cookie, where it is the node's own, has eight bytes. */
export interface NodeCall {
  readonly version: Version;
  readonly procedure: number;
  /** After the cookie where that is the node's own. */
  readonly args: Octets;
  readonly isCookieItsOwn: boolean;
  /** The result with which the client answers, given the cookie. */
  readonly answer: (cookie: Octets) => Octets;
}

export interface Exchange {
  readonly rule: string;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  /** `cookie`: of the last GRANTED or GRANTED_MSG of the node. */
  readonly args: (cookie: Octets) => Octets;
  /** From accept_stat on. */
  readonly reply: Octets;
  readonly then?: NodeCall;
  /** The node has ended the client's connections: they are opened anew before this call. */
  readonly isReconnected?: boolean;
}

const nothing = (): Octets => [];
const flag = (is: boolean): Octets => word(is ? 1 : 0);
const COOKIE = counted('\u0000\u0001\u00fe');
const PRIV = padded('0123456789abcdef');
const ME = [...counted('localhost'), ...word(NLM), ...word(4), ...word(16)];

/** The state that SM_MON tells where the clock of the node stands at `seconds`. */
export interface Told {
  readonly seconds: number;
}

interface Subject {
  readonly svid?: number;
  readonly file?: string;
  readonly offset?: bigint;
  readonly length?: bigint;
  readonly caller?: string;
}

/** The arguments of one version, drawn by hand. */
export function drawing(version: Version) {
  const span = (n: bigint): Octets => (version === 4 ? long(n) : word(Number(n)));
  const owner = (svid: number): Octets => counted(`${svid}@client1`);
  const lock = ({ svid = 1, file = 'one', offset = 10n, length = 20n, caller = 'client1' }: Subject): Octets => [
    ...counted(caller),
    ...counted(`v${version}-${file}`),
    ...owner(svid),
    ...word(svid),
    ...span(offset),
    ...span(length),
  ];
  return {
    span,
    test: (subject: Subject, exclusive = true): Octets => [...COOKIE, ...flag(exclusive), ...lock(subject)],
    /** GRANTED without its cookie. */
    granted: (subject: Subject): Octets => [...flag(true), ...lock(subject)],
    lock: (subject: Subject, { block = false, exclusive = true, reclaim = false, state = 3 } = {}): Octets => [
      ...COOKIE,
      ...flag(block),
      ...flag(exclusive),
      ...lock(subject),
      ...flag(reclaim),
      ...word(state),
    ],
    cancel: (subject: Subject): Octets => [...COOKIE, ...flag(true), ...flag(true), ...lock(subject)],
    unlock: (subject: Subject): Octets => [...COOKIE, ...lock(subject)],
    res: (stat: number): Octets => [...COOKIE, ...word(stat)],
    held: ({ svid = 1, offset = 10n, length = 20n }: Subject, exclusive = true): Octets => [
      ...COOKIE,
      ...word(DENIED),
      ...flag(exclusive),
      ...word(svid),
      ...owner(svid),
      ...span(offset),
      ...span(length),
    ],
    share: (svid: number, mode: number, access: number, { file = 'shared', reclaim = false } = {}): Octets => [
      ...COOKIE,
      ...counted('client1'),
      ...counted(`v${version}-${file}`),
      ...owner(svid),
      ...word(mode),
      ...word(access),
      ...flag(reclaim),
    ],
    shareRes: (stat: number): Octets => [...COOKIE, ...word(stat), ...word(0)],
  };
}

/** What NLM `version` is asked, and answers. */
function nlm(version: Version): readonly Exchange[] {
  const draw = drawing(version);
  const ask = (rule: string, procedure: number, args: Octets | Exchange['args'], result: Octets): Exchange => ({
    rule,
    program: NLM,
    version,
    procedure,
    args: typeof args === 'function' ? args : () => args,
    reply: [...word(SUCCESS), ...result],
  });
  const refuse = (procedure: number, rule = 'is refused'): Exchange => ({
    ...ask(`procedure ${procedure} ${rule}`, procedure, [], []),
    reply: word(PROC_UNAVAIL),
  });
  /** A _MSG: its reply is void, its result comes as the _RES five above it. */
  const message = (rule: string, procedure: number, args: Octets, res: Octets): Exchange => ({
    ...ask(rule, procedure, args, []),
    then: { version, procedure: procedure + 5, args: res, isCookieItsOwn: false, answer: nothing },
  });
  const { res, held } = draw;
  const a = { svid: 1 };
  const b = { svid: 2 };
  const callBack = (subject: Subject): NodeCall => ({
    version,
    procedure: 5,
    args: draw.granted(subject),
    isCookieItsOwn: true,
    answer: (cookie) => [...counted(String.fromCharCode(...cookie)), ...word(GRANTED)],
  });
  const deadlock = version === 4 ? DEADLCK : DENIED;
  const x = 'x';
  const y = 'y';
  return [
    ask('NULL', 0, [], []),
    ask('TEST of what is free', 1, draw.test(a), res(GRANTED)),
    ask('LOCK of what is free', 2, draw.lock(a), res(GRANTED)),
    ask('LOCK of what its owner holds already', 2, draw.lock(a), res(GRANTED)),
    ask('TEST by the owner', 1, draw.test(a), res(GRANTED)),
    ask('TEST by another names the holder', 1, draw.test({ svid: 2, offset: 29n, length: 0n }), held(a)),
    ask('LOCK by another that does not wait', 2, draw.lock(b), res(DENIED)),
    ask('CANCEL of nothing', 3, draw.cancel(b), res(GRANTED)),
    ask('LOCK by another that waits', 2, draw.lock(b, { block: true }), res(BLOCKED)),
    ask('LOCK again by the one that waits', 2, draw.lock(b, { block: true }), res(BLOCKED)),
    ask('CANCEL of the wait', 3, draw.cancel(b), res(GRANTED)),
    ask('LOCK that waits once more', 2, draw.lock(b, { block: true }), res(BLOCKED)),
    { ...ask('UNLOCK calls the waiter back', 4, draw.unlock(a), res(GRANTED)), then: callBack(b) },
    ask('UNLOCK of what was granted by callback', 4, draw.unlock(b), res(GRANTED)),
    ask('UNLOCK of nothing', 4, draw.unlock(b), res(GRANTED)),
    refuse(5, 'is for clients'),

    message('TEST_MSG of what is free', 6, draw.test(a), res(GRANTED)),
    message('LOCK_MSG of what is free', 7, draw.lock(a), res(GRANTED)),
    message('TEST_MSG by another names the holder', 6, draw.test(b, false), held(a)),
    message('LOCK_MSG by another that does not wait', 7, draw.lock(b), res(DENIED)),
    message('LOCK_MSG by another that waits', 7, draw.lock(b, { block: true }), res(BLOCKED)),
    message('CANCEL_MSG of the wait', 8, draw.cancel(b), res(GRANTED)),
    message('LOCK_MSG that waits once more', 7, draw.lock(b, { block: true }), res(BLOCKED)),
    // By the synchronous form: one call of the node at a time.
    {
      ...ask('UNLOCK calls a waiter of LOCK_MSG back by GRANTED_MSG', 4, draw.unlock(a), res(GRANTED)),
      then: { ...callBack(b), procedure: 10, answer: nothing },
    },
    ask(
      'GRANTED_RES with the cookie of GRANTED_MSG',
      15,
      (cookie) => [...counted(String.fromCharCode(...cookie)), ...word(GRANTED)],
      [],
    ),
    message('UNLOCK_MSG', 9, draw.unlock(b), res(GRANTED)),
    message('UNLOCK_MSG of nothing', 9, draw.unlock(b), res(GRANTED)),
    ask('GRANTED_RES of no callback of ours', 15, draw.res(GRANTED), []),
    refuse(10, 'is for clients'),
    ...[11, 12, 13, 14].map((procedure) => refuse(procedure, 'answers what we never ask')),
    refuse(16, 'is for a statd of this host, which there is not'),
    ...[17, 18, 19].map((procedure) => refuse(procedure)),

    ask('LOCK of x', 2, draw.lock({ svid: 1, file: x }), res(GRANTED)),
    ask('LOCK of y', 2, draw.lock({ svid: 2, file: y }), res(GRANTED)),
    ask('LOCK of y that waits for the other', 2, draw.lock({ svid: 1, file: y }, { block: true }), res(BLOCKED)),
    ask('LOCK of x that would wait for ever', 2, draw.lock({ svid: 2, file: x }, { block: true }), res(deadlock)),
    ask('CANCEL of the wait for y', 3, draw.cancel({ svid: 1, file: y }), res(GRANTED)),
    ask('LOCK of a caller without a name', 2, draw.lock({ caller: '' }), res(DENIED_NOLOCKS)),
    ask('LOCK of a caller with a slash', 2, draw.lock({ caller: 'a/b' }), res(DENIED_NOLOCKS)),
    ...(version === 1
      ? [20, 21, 22, 23].map((procedure) => refuse(procedure, 'is not of version 1'))
      : shares(version, ask)),
    refuse(24),
    refuse(0xffff_ffff),
  ];
}

type Ask = (rule: string, procedure: number, args: Octets, result: Octets) => Exchange;

/** Versions 3 and 4. */
function shares(version: Version, ask: Ask): readonly Exchange[] {
  const { share, shareRes, ...draw } = drawing(version);
  const last = 2n ** 32n - 1n;
  const end = 2n ** 63n - 1n;
  const wide =
    version === 4
      ? [
          ask('LOCK of the last byte', 2, draw.lock({ offset: end, length: 1n }), draw.res(GRANTED)),
          ask('LOCK beyond it', 2, draw.lock({ offset: end + 1n, length: 1n }), draw.res(FBIG)),
        ]
      : [ask('LOCK of the last byte', 2, draw.lock({ offset: last, length: 1n }), draw.res(GRANTED))];
  return [
    ...wide,
    ask('SHARE', 20, share(1, 2, 1), shareRes(GRANTED)),
    ask('SHARE by another that does what is denied', 20, share(2, 0, 2), shareRes(DENIED)),
    ask('SHARE by another that does not', 20, share(2, 0, 1), shareRes(GRANTED)),
    ask('SHARE by the owner once more', 20, share(1, 2, 1), shareRes(GRANTED)),
    ask('UNSHARE of the first', 21, share(1, 2, 1), shareRes(GRANTED)),
    ask('SHARE by another while the second stands', 20, share(3, 0, 3), shareRes(DENIED)),
    ask('UNSHARE of the second', 21, share(1, 2, 1), shareRes(GRANTED)),
    ask('UNSHARE of nothing', 21, share(1, 2, 1), shareRes(GRANTED)),
    ask('SHARE by another', 20, share(3, 0, 3), shareRes(GRANTED)),
    ask('NM_LOCK', 22, draw.lock({ svid: 5, file: 'nm' }, { state: 0 }), draw.res(GRANTED)),
    ask('NM_LOCK never waits', 22, draw.lock({ svid: 6, file: 'nm' }, { block: true }), draw.res(DENIED)),
    ask('FREE_ALL', 23, [...counted('client1'), ...word(0)], []),
    ask('TEST of what FREE_ALL has freed', 1, draw.test({ svid: 7, file: 'nm' }), draw.res(GRANTED)),
    ask('SHARE of what FREE_ALL has freed', 20, share(8, 3, 3), shareRes(GRANTED)),
    ask('FREE_ALL again', 23, [...counted('client1'), ...word(0)], []),
  ];
}

/** Versions that there are not, of either program. */
const MISMATCHES: readonly Exchange[] = [0, 2, 5, 0xffff_ffff].flatMap((version) =>
  [
    { program: NLM, low: 1, high: 4 },
    { program: NSM, low: 1, high: 1 },
  ].map(({ program, low, high }) => ({
    rule: `version ${version} of program ${program} is refused`,
    program,
    version,
    procedure: 0,
    args: nothing,
    reply: [...word(PROG_MISMATCH), ...word(low), ...word(high)],
  })),
);

/** A range beyond 32 bits as versions 1 and 3 are told of it. */
const CLAMPED: readonly Exchange[] = ([1, 3] as const).flatMap((version) => {
  const [narrow, wide] = [drawing(version), drawing(4)];
  const far = { svid: 9, file: 'far', offset: 2n ** 33n, length: 7n };
  const asked = counted(`v4-far`);
  const test = [...COOKIE, ...flag(true), ...counted('client1'), ...asked, ...counted('2@client1')];
  return [
    {
      rule: 'LOCK beyond 32 bits',
      program: NLM,
      version: 4,
      procedure: 2,
      args: () => wide.lock(far),
      reply: [...word(SUCCESS), ...wide.res(GRANTED)],
    },
    {
      rule: 'TEST of a holder beyond 32 bits is told of the last byte',
      program: NLM,
      version,
      procedure: 1,
      args: () => [...test, ...word(2), ...word(0), ...word(0)],
      reply: [...word(SUCCESS), ...narrow.held({ svid: 9, offset: 2n ** 32n - 1n, length: 1n })],
    },
  ];
});

/** What NSM is asked by a program of this host, and answers. */
function nsm({ seconds }: Told): readonly Exchange[] {
  const ask = (rule: string, procedure: number, args: Octets, result: Octets): Exchange => ({
    rule,
    program: NSM,
    version: 1,
    procedure,
    args: () => args,
    reply: [...word(SUCCESS), ...result],
  });
  const state = seconds % 2 === 1 ? seconds : seconds + 1;
  const id = [...counted('10.9.9.9'), ...ME];
  const draw = drawing(4);
  const lock = (rule: string, procedure: number, args: Octets, result: Octets): Exchange => ({
    ...ask(rule, procedure, args, result),
    program: NLM,
    version: 4,
  });
  const before = { svid: 1, file: 'reboot', caller: 'rebooter' };
  return [
    ask('NULL', 0, [], []),
    ask('SM_STAT before anybody is watched', 1, counted('10.9.9.9'), [...word(0), ...word(0xffff_ffff)]),
    ask('SM_MON', 2, [...id, ...PRIV], [...word(0), ...word(state)]),
    ask('SM_STAT', 1, counted('10.9.9.9'), [...word(0), ...word(state)]),
    ask('SM_UNMON', 3, id, word(state)),
    ask('SM_UNMON of nothing', 3, id, word(state)),
    ask('SM_MON again', 2, [...id, ...PRIV], [...word(0), ...word(state)]),
    ask('SM_UNMON_ALL', 4, ME, word(state)),
    ask('SM_SIMU_CRASH', 5, [], []),
    ask('SM_STAT after it', 1, counted('10.9.9.9'), [...word(0), ...word(state + 2)]),
    ask(
      'SM_NOTIFY in a name that no client at its address has is of all of them',
      6,
      [...counted('host'), ...word(5)],
      [],
    ),
    { ...ask('procedure 7 is refused', 7, [], []), reply: word(PROC_UNAVAIL) },
    {
      ...lock('LOCK before a reboot', 2, draw.lock(before, { state: 3 }), draw.res(GRANTED)),
      isReconnected: true,
    },
    lock('TEST before a reboot', 1, draw.test({ ...before, svid: 2 }), draw.held(before)),
    ask('SM_NOTIFY of the client', 6, [...counted('rebooter'), ...word(5)], []),
    {
      ...lock('TEST after it', 1, draw.test({ ...before, svid: 2 }), draw.res(GRANTED)),
      isReconnected: true,
    },
  ];
}

/** All of it, in the order in which a fresh node is to be asked. */
export function exchanges(told: Told): readonly Exchange[] {
  return [...VERSIONS.flatMap(nlm), ...CLAMPED, ...nsm(told), ...MISMATCHES];
}

/** Each call that has arguments, with the last word of them missing. */
export function cutShort(all: readonly Exchange[]): readonly Exchange[] {
  const seen = new Set<string>();
  return all.flatMap((exchange) => {
    const { program, version, procedure, args, reply } = exchange;
    const key = `${program} ${version} ${procedure}`;
    const octets = args([]);
    if (octets.length === 0 || reply[3] !== SUCCESS || seen.has(key)) return [];
    seen.add(key);
    const rule = `procedure ${procedure} of version ${version} without its last argument`;
    const { then: _, isReconnected: __, ...call } = exchange;
    return [{ ...call, rule, args: () => octets.slice(0, -4), reply: word(GARBAGE_ARGS) }];
  });
}
