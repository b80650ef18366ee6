import test from 'ava';
import { DUMP_ENTRIES_MAX, PMAPLIST, RPCB_STRING_BYTES_MAX } from '../../src/portmap/codecs.js';
import {
  isPmapVersion,
  PMAP_PROCEDURES,
  PMAP_PROGRAM,
  pmapProcedure,
  type PmapProcedure,
  type PmapVersion,
} from '../../src/portmap/procedures.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../src/portmap/types.js';
import { formatUniversalAddress, parseUniversalAddress } from '../../src/portmap/universal-address.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { counted, join, text, word } from '../support/builder.js';
import { checkGolden, checkSample, sample, type Sample } from '../support/codec-rules.js';
import { goldenMessages } from '../support/golden.js';

const VERSIONS: readonly PmapVersion[] = [2, 3, 4];

function named<Name extends PmapProcedure['name']>(
  version: PmapVersion,
  name: Name,
): Extract<PmapProcedure, { name: Name }> | undefined {
  const isNamed = (entry: PmapProcedure): entry is Extract<PmapProcedure, { name: Name }> => entry.name === name;
  return PMAP_PROCEDURES[version].find(isNamed);
}

const NOTHING = Buffer.alloc(0);
const tcp = { prog: 100021, vers: 4, prot: IPPROTO_TCP, port: 32803 };
const udp = { prog: 100024, vers: 1, prot: IPPROTO_UDP, port: 0 };
const tcpBytes = [100021, 4, 6, 32803].flatMap((n) => word(n));
const udpBytes = [100024, 1, 17, 0].flatMap((n) => word(n));
const rpcb = {
  r_prog: 100021,
  r_vers: 4,
  r_netid: text('tcp6'),
  r_addr: text('::1.128.35'),
  r_owner: text('superuser'),
};
const rpcbBytes = [...word(100021), ...word(4), ...counted('tcp6'), ...counted('::1.128.35'), ...counted('superuser')];

const SAMPLES: readonly Sample[] = [
  sample('NULL', named(2, 'NULL')?.args, undefined, NOTHING),
  sample('PMAP SET', named(2, 'PMAPPROC_SET')?.args, tcp, join(tcpBytes)),
  sample('PMAP SET result', named(2, 'PMAPPROC_SET')?.result, true, join(word(1))),
  sample('PMAP UNSET', named(2, 'PMAPPROC_UNSET')?.args, udp, join(udpBytes)),
  sample('PMAP UNSET result', named(2, 'PMAPPROC_UNSET')?.result, false, join(word(0))),
  sample('PMAP GETPORT', named(2, 'PMAPPROC_GETPORT')?.args, udp, join(udpBytes)),
  sample('PMAP GETPORT result', named(2, 'PMAPPROC_GETPORT')?.result, 32803, join(word(32803))),
  sample('PMAP DUMP', named(2, 'PMAPPROC_DUMP')?.args, undefined, NOTHING),
  sample(
    'PMAP DUMP result',
    named(2, 'PMAPPROC_DUMP')?.result,
    [tcp, udp],
    join(word(1), tcpBytes, word(1), udpBytes, word(0)),
  ),
  ...([3, 4] as const).flatMap((version) => [
    sample('RPCB SET', named(version, 'RPCBPROC_SET')?.args, rpcb, join(rpcbBytes)),
    sample('RPCB SET result', named(version, 'RPCBPROC_SET')?.result, true, join(word(1))),
    sample('RPCB UNSET', named(version, 'RPCBPROC_UNSET')?.args, rpcb, join(rpcbBytes)),
    sample('RPCB UNSET result', named(version, 'RPCBPROC_UNSET')?.result, true, join(word(1))),
    sample('RPCB GETADDR', named(version, 'RPCBPROC_GETADDR')?.args, rpcb, join(rpcbBytes)),
    sample('RPCB GETADDR result', named(version, 'RPCBPROC_GETADDR')?.result, rpcb.r_addr, join(counted('::1.128.35'))),
    sample('RPCB DUMP', named(version, 'RPCBPROC_DUMP')?.args, undefined, NOTHING),
    sample('RPCB DUMP result', named(version, 'RPCBPROC_DUMP')?.result, [rpcb], join(word(1), rpcbBytes, word(0))),
  ]),
  sample('RPCB GETVERSADDR', named(4, 'RPCBPROC_GETVERSADDR')?.args, rpcb, join(rpcbBytes)),
  sample('RPCB GETVERSADDR result', named(4, 'RPCBPROC_GETVERSADDR')?.result, text(''), join(word(0))),
  sample('RPCB GETTIME result', named(3, 'RPCBPROC_GETTIME')?.result, 1_932_076_800, join(word(1_932_076_800))),
  sample('RPCB GETADDRLIST', named(4, 'RPCBPROC_GETADDRLIST')?.args, rpcb, join(rpcbBytes)),
  sample(
    'RPCB GETADDRLIST result',
    named(4, 'RPCBPROC_GETADDRLIST')?.result,
    [
      {
        r_maddr: text('::1.128.35'),
        r_nc_netid: text('tcp6'),
        r_nc_semantics: 3,
        r_nc_protofmly: text('inet6'),
        r_nc_proto: text('tcp'),
      },
    ],
    join(word(1), counted('::1.128.35'), counted('tcp6'), word(3), counted('inet6'), counted('tcp'), word(0)),
  ),
];

test('every message of the port mapper is exact both ways, and every truncation of it is an XdrError', (t) => {
  for (const message of SAMPLES) checkSample(t, message);
});

test('the procedures of the port mapper are found by version and number', (t) => {
  const numbers = { 2: [0, 1, 2, 3, 4], 3: [0, 1, 2, 3, 4, 6], 4: [0, 1, 2, 3, 4, 6, 9, 11] };
  for (const version of VERSIONS) {
    t.deepEqual(
      PMAP_PROCEDURES[version].map((entry) => entry.number),
      numbers[version],
    );
    for (const entry of PMAP_PROCEDURES[version]) t.is(pmapProcedure(version, entry.number), entry);
    t.is(pmapProcedure(version, 5), undefined);
  }
  t.false(isPmapVersion(1));
  t.is(pmapProcedure(5, 0), undefined);
});

test('the GETPORT of a Linux client is decoded and encoded again, byte for byte', (t) => {
  for (const message of goldenMessages('portmap')) {
    checkGolden(t, message, PMAP_PROGRAM, pmapProcedure(message.version, message.procedure));
  }
});

test('a list that does not end and a string beyond its limit are refused', (t) => {
  const entry = join(word(1), tcpBytes);
  const entries = (count: number): Buffer => Buffer.concat([...Array<Buffer>(count).fill(entry), join(word(0))]);
  t.is(PMAPLIST.decode(new XdrReader(entries(DUMP_ENTRIES_MAX))).length, DUMP_ENTRIES_MAX);
  t.throws(() => PMAPLIST.decode(new XdrReader(entries(DUMP_ENTRIES_MAX + 1))), { instanceOf: XdrError });
  const long = join(counted('x'.repeat(RPCB_STRING_BYTES_MAX + 1)));
  t.throws(() => named(4, 'RPCBPROC_GETADDR')?.result.decode(new XdrReader(long)), { instanceOf: XdrError });
});

const UNIVERSAL: readonly (readonly [string, string, number])[] = [
  ['10.77.0.100.128.35', '10.77.0.100', 32803],
  ['0.0.0.0.0.111', '0.0.0.0', 111],
  ['255.255.255.255.255.255', '255.255.255.255', 65535],
  ['::.0.111', '::', 111],
  ['::1.128.35', '::1', 32803],
  ['fe80::1%eth0.128.35', 'fe80::1%eth0', 32803],
  ['2001:db8::10.1.1.2.3.4', '2001:db8::10.1.1.2', 772],
];

test('a universal address is its address and its port, both ways', (t) => {
  for (const [universal, address, port] of UNIVERSAL) {
    t.deepEqual(parseUniversalAddress(text(universal)), { address, port });
    t.is(formatUniversalAddress({ address, port }), text(universal));
  }
});

test('what is no universal address is none', (t) => {
  const others = [
    '',
    '10.1.1.2',
    '10.1.1.2.3',
    '10.1.1.2.3.256',
    '10.1.1.2.256.3',
    '10.1.1.256.3.4',
    '010.1.1.2.3.4',
    '0x0a.1.1.2.3.4',
    '10.1.1.2..4',
    '10.1.1.2.3.4.5',
    '10.1.1.2.3.4\n',
    '::g.3.4',
    '1:2.3.4',
    '/run/rpcbind.sock',
  ];
  for (const other of others) t.is(parseUniversalAddress(text(other)), undefined, other);
});
