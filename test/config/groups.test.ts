/** Service groups in the configuration: everything belongs to one group, and to one alone. */

import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { parseConfiguration } from '../../src/config/load.js';

const DEFAULTS = { nodeName: 'a', data: '/state', socket: () => '/state/socket' };
const EXPORTS = [
  { path: '/srv/a', handle: { format: 'prefix', prefix: '0a' } },
  { path: '/srv/b', handle: { format: 'prefix', prefix: '0b' } },
  { path: '/srv/wild', handle: { format: 'ganesha' } },
];
const GROUP = { name: 'web', addresses: ['10.1.1.2'], exports: ['/srv/a'], nodes: ['a', 'b'] };
const OTHER = { name: 'db', addresses: ['10.1.1.3'], exports: ['/srv/b'], nodes: ['b', 'a'] };

const parse = (file: object) =>
  parseConfiguration(
    JSON.stringify({ nats: { servers: ['127.0.0.1'] }, exports: EXPORTS, ...file }),
    'c',
    {},
    DEFAULTS,
  );

function problemsOf(file: object): readonly { readonly pointer: string; readonly message: string }[] {
  try {
    parse(file);
  } catch (error) {
    if (error instanceof LedgerError) return error.details['problems'] as { pointer: string; message: string }[];
    throw error;
  }
  return [];
}

test('a group has its defaults: carried over, by command, no hooks', (t) => {
  const [group] = parse({ groups: [GROUP, OTHER] }).groups;
  t.like(group, { name: 'web', way: 'carry', take: 'by-command', silenceMs: 5000, hooks: {}, hookMs: 30_000 });
});

test('groups without NATS, twice the same name, address or export are refused at their place', (t) => {
  const cases: [object, string, RegExp][] = [
    [{ nats: undefined, groups: [GROUP] }, '/groups', /needs nats/],
    [{ groups: [GROUP, { ...OTHER, name: 'web' }] }, '/groups/1/name', /the name of \/groups\/0/],
    [{ groups: [{ ...GROUP, name: 'local' }] }, '/groups/0/name', /every node's own/],
    [{ listen: ['10.1.1.2'], groups: [GROUP] }, '/groups/0/addresses/0', /\/listen\/0/],
    [
      { groups: [GROUP, { ...OTHER, addresses: ['10.1.1.9', '10.1.1.2'] }] },
      '/groups/1/addresses/1',
      /groups\/0\/addr/,
    ],
    [{ groups: [GROUP, { ...OTHER, exports: ['/srv/a'] }] }, '/groups/1/exports/0', /belongs to \/groups\/0/],
    [{ groups: [{ ...GROUP, take: 'on-silence' }] }, '/groups/0/take', /3 nodes or witnesses/],
    [{ groups: [{ ...GROUP, goneMs: 1000 }] }, '/groups/0/goneMs', /only with take on-silence/],
    [
      { groups: [{ ...GROUP, witnesses: ['w'], take: 'on-silence', silenceMs: 3000, goneMs: 3000 }] },
      '/groups/0/goneMs',
      /below silenceMs/,
    ],
    [{ groups: [{ ...GROUP, witnesses: ['w', 'b'] }] }, '/groups/0/witnesses/1', /one of nodes/],
    [{ groups: [{ ...GROUP, exports: ['/srv/none'] }] }, '/groups/0/exports/0', /path of one of the exports/],
    [{ groups: [{ ...GROUP, exports: ['/srv/wild'] }] }, '/groups/0/exports/0', /fsid/],
  ];
  for (const [file, pointer, message] of cases) {
    const found = problemsOf(file).find((problem) => problem.pointer === pointer);
    t.regex(found?.message ?? '', message, `${pointer}: ${JSON.stringify(problemsOf(file))}`);
  }
});

test('two groups do not share a file system', (t) => {
  const named = EXPORTS.map((entry) => ({ ...entry, fileSystem: 'one' })).slice(0, 2);
  const [problem] = problemsOf({ exports: named, groups: [GROUP, OTHER] });
  t.like(problem, { pointer: '/groups/1/exports/0' });
});
