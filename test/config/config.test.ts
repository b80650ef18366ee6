/** The configuration file: every error says where it is and what is expected there. */

import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import type { ConfigurationOptions } from '../../src/config/configuration.js';
import { parseLocatedJson } from '../../src/config/json.js';
import schema from '../../schemas/configuration.json' with { type: 'json' };
import { loadConfiguration, parseConfiguration } from '../../src/config/load.js';

const DEFAULTS = { nodeName: 'host-a', data: '/state', socket: (data: string) => `${data}/socket` };
const parse = (value: unknown, options: ConfigurationOptions = {}) =>
  parseConfiguration(typeof value === 'string' ? value : JSON.stringify(value), 'c.json', options, DEFAULTS);

/** The lines of the error that this configuration gives. */
function problemsOf(value: unknown, options: ConfigurationOptions = {}): string[] {
  try {
    parse(value, options);
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'bad-configuration') return error.message.split('\n');
    throw error;
  }
  return [];
}

test('every example of the schema is a configuration', (t) => {
  const { examples } = schema;
  t.true(examples.length >= 3);
  for (const example of examples) t.notThrows(() => parse(example));
});

test('an empty file is a node on loopback with every limit set', (t) => {
  const configuration = parse({});
  t.like(configuration, {
    data: '/state',
    socket: '/state/socket',
    node: { name: 'host-a' },
    listen: ['127.0.0.1'],
    nlmPort: 4045,
    nsmPort: 4046,
    portmap: 'system',
    control: 'off',
    unmapped: 'serve',
  });
  for (const [name, limit] of Object.entries(schema.$defs.limits.properties)) {
    t.is((configuration.limits as unknown as Record<string, number>)[name], limit.default, name);
    t.true(limit.description.length > 20, `${name} has a reason`);
  }
});

test('an option of the command line overrides the file, and its error names the option', (t) => {
  t.is(parse({ nlmPort: 1 }, { nlmPort: 2 }).nlmPort, 2);
  t.deepEqual(parse({ listen: ['10.1.1.2'] }, { listen: ['::1', '10.1.1.3'] }).listen, ['::1', '10.1.1.3'] as never);
  t.is(parse({}, { data: '/elsewhere' }).socket, '/elsewhere/socket');
  t.deepEqual(problemsOf({ nsmPort: 0 }, { nlmPort: 70_000, portmap: 'sytem' }), [
    'c.json:1:2: /nsmPort: must be >= 1, not 0',
    'option --nlm-port: must be <= 65535, not 70000',
    'option --portmap: must be one of system, embedded, off, not "sytem"',
  ]);
});

test('every error is reported, with line and column', (t) => {
  const text = `{
  "lisen": [],
  "listen": ["10.1.1.2", "010.1.1.2"],
  "limits": { "recordByte": 1 },
  "exports": [
    { "path": "srv", "handle": { "format": "gnesha" } },
    { "path": "/srv", "handle": { "format": "prefix", "prefix": "0" } }
  ],
  "clients": [{ "network": "10.0.0.0/40" }]
}`;
  const places = problemsOf(text).map((line) => line.split(': ').slice(0, 2).join(' '));
  t.deepEqual(places.toSorted(), [
    'c.json:2:3 /lisen',
    'c.json:3:26 /listen/1',
    'c.json:4:15 /limits/recordByte',
    'c.json:6:34 /exports/0/handle/format',
    'c.json:6:7 /exports/0/path',
    'c.json:7:55 /exports/1/handle/prefix',
    'c.json:9:17 /clients/0/network',
  ]);
});

test('an archive needs a key that vouches for what goes, and another folder than the ledger', (t) => {
  const archive = { to: '/mnt/archive', olderThanDays: 365 };
  t.like(parse({ audit: { keySeed: '/etc/seed', archive } }).audit.archive, { ...archive, everyMs: 3_600_000 });
  t.regex(problemsOf({ audit: { archive } })[0] ?? '', /\/audit\/archive: needs audit.keySeed/);
  const inside = { keySeed: '/etc/seed', archive: { to: '/state/old', olderThanDays: 365 } };
  t.regex(problemsOf({ audit: inside })[0] ?? '', /\/audit\/archive\/to: must not lie in the data folder, \/state/);
});

test('an unknown key is an error that suggests the nearest known one', (t) => {
  t.deepEqual(problemsOf({ nlmport: 4045 }), ['c.json:1:2: /nlmport: unknown key "nlmport"; did you mean "nlmPort"?']);
  t.regex(problemsOf({ zzzzzz: 1 })[0] ?? '', /known keys: \$schema, data, node/);
  t.regex(problemsOf('{"__proto__": {"data": "/x"}}')[0] ?? '', /unknown key "__proto__"/);
});

test('what is no JSON is refused with its place', (t) => {
  t.deepEqual(problemsOf('{\n  "data": "/x",\n}'), ['c.json:3:1: not JSON: expected a key in double quotes']);
  t.deepEqual(problemsOf(''), ['c.json:1:1: not JSON: expected a value']);
  t.deepEqual(problemsOf('{} x'), ['c.json:1:4: not JSON: expected the end of the file']);
  t.deepEqual(problemsOf("{'data': 1}"), ['c.json:1:2: not JSON: expected a key in double quotes, or }']);
  t.regex(problemsOf('{"data":"/a","data":"/b"}')[0] ?? '', /1:14: not JSON: expected each key once/);
  t.regex(problemsOf('['.repeat(100_000))[0] ?? '', /at most 32 levels/);
  t.regex(problemsOf('{"data":"\\x"}')[0] ?? '', /1:9: not JSON: expected a string on one line/);
  t.deepEqual(problemsOf('[]'), ['c.json:1:1: the configuration: must be an object, not []']);
});

test('rules over several keys are checked', (t) => {
  t.deepEqual(problemsOf({ listen: ['0.0.0.0', '10.1.1.2', '::ffff:10.1.1.2', '224.0.0.1'], nlmPort: 5, nsmPort: 5 }), [
    'c.json:1:12: /listen/0: name each server address; a wildcard hides through which address a call came',
    'c.json:1:33: /listen/2: is the same address as /listen/1',
    'c.json:1:51: /listen/3: must be an address of this server, not a multicast address',
    'c.json:1:76: /nsmPort: must not be the port of NLM',
  ]);
  const any = { path: '/', handle: { format: 'any' } };
  t.regex(
    problemsOf({ exports: [any, any] })[0] ?? '',
    /\/exports\/1\/handle: \/exports\/0 matches every handle already/,
  );
  const masked = { path: '/', handle: { format: 'prefix', prefix: '0102', mask: 'ff' } };
  t.regex(problemsOf({ exports: [masked] })[0] ?? '', /handle\/mask: must be as long as the prefix/);
  const unnamed = { path: '/a', fileSystem: 'a', handle: { format: 'ganesha', exportId: 1 } };
  t.regex(problemsOf({ exports: [any, unnamed] })[0] ?? '', /\/exports\/1: .*needs its fsid/);
  const elsewhere = { path: '/ab', mountPoint: '/a', handle: { format: 'any' } };
  t.regex(problemsOf({ exports: [elsewhere] })[0] ?? '', /mountPoint: must be \/ab or a folder above it/);
  t.regex(problemsOf({}, { data: `/${'x'.repeat(120)}` })[0] ?? '', /\/socket: must have at most 107 bytes/);
});

test('the table of the embedded portmapper names each service once, and none of ours', (t) => {
  const nfs = { program: 100003, version: 3, protocol: 'tcp', port: 2049 };
  t.deepEqual(parse({ portmap: 'embedded', portmapStatic: [nfs] }).portmapStatic, [nfs] as never);
  t.is(parse({}).portmapPort, 111);
  t.is(parse({ portmapPort: 111 }, { portmapPort: 1111 }).portmapPort, 1111);
  t.deepEqual(problemsOf({ portmapStatic: [nfs, { ...nfs, port: 1 }, { ...nfs, program: 100021 }] }), [
    'c.json:1:79: /portmapStatic/1: is the same service as /portmapStatic/0',
    'c.json:1:137: /portmapStatic/2/program: must not be 100021, which this node serves itself',
  ]);
  t.regex(
    problemsOf({ portmapStatic: [{ ...nfs, protocol: 'sctp' }] })[0] ?? '',
    /must be one of tcp, udp, tcp6, udp6/,
  );
  t.deepEqual(problemsOf({ portmap: 'embedded', portmapPort: 4045 }), [
    'c.json:1:23: /portmapPort: must not be the port of NLM or NSM',
  ]);
});

test('clients are ordered so that the first network that matches is the narrowest', (t) => {
  const { clients } = parse({ clients: [{ network: '10.0.0.0/8' }, { network: '10.1.0.0/16', callbackPort: 7 }] });
  t.deepEqual(
    clients.map(({ network }) => network.text),
    ['10.1.0.0/16', '10.0.0.0/8'],
  );
});

test('a file that is missing or too large is named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'c.json');
  await t.throwsAsync(loadConfiguration({ file }, DEFAULTS), { message: `${file}: there is no such file` });
  await writeFile(file, `{${' '.repeat(1024 * 1024)}}`);
  await t.throwsAsync(loadConfiguration({ file }, DEFAULTS), { message: `${file}: it has more than 1048576 bytes` });
  await writeFile(file, '{"nlmPort": 7}');
  t.is((await loadConfiguration({ file }, DEFAULTS)).nlmPort, 7);
});

testProp('JSON is read as JSON.parse reads it', [fc.json(), fc.constantFrom(undefined, 1, '\t')], (t, text, indent) => {
  const value: unknown = JSON.parse(text);
  const pretty = JSON.stringify(value, null, indent);
  t.deepEqual(parseLocatedJson(pretty).value, value);
});
