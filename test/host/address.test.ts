/** Addresses are read the same way at every door. */

import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { addressFrom, addressKind, inNetwork, parseAddress, parseNetwork } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';

/** An address that is compared with plain text. */
const textOf = (text: string): string => parseAddress(text);

test('IPv4 is four decimal parts without leading zeros and nothing else', (t) => {
  t.is(textOf('10.1.1.2'), '10.1.1.2');
  for (const text of ['010.1.1.2', '10.1.1', '10.1.1.256', '0x0a.1.1.2', '167837954', '10.1.1.2 ', '10.1.1.2%lo', '']) {
    const error = t.throws(() => parseAddress(text), { instanceOf: LedgerError }, text);
    t.is(error.code, 'bad-address');
  }
});

test('v4-mapped IPv6 is the IPv4 address, however it is written', (t) => {
  for (const text of ['::ffff:10.1.1.2', '::FFFF:a01:102', '0:0:0:0:0:ffff:0a01:0102']) t.is(textOf(text), '10.1.1.2');
  t.is(addressFrom('::ffff:010.1.1.2'), undefined);
  t.is(addressFrom('::ffff:10.1.1.2%eth0'), undefined);
  t.is(textOf('::10.1.1.2'), '::a01:102', 'an IPv4-compatible address is not a mapped one');
});

test('IPv6 is written as RFC 5952 says', (t) => {
  t.is(textOf('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  t.is(textOf('1:2:3:4:5:6:7::'), '1:2:3:4:5:6:7:0');
  t.is(textOf('64:ff9b::1.2.3.4'), '64:ff9b::102:304');
  for (const text of ['1::2::3', '12345::', 'fe80', ':', '::1::', '[::1]', '::1/64', 'f'.repeat(1000)]) {
    t.is(addressFrom(text), undefined, text);
  }
});

test('a link-local address has a zone and no other address has one', (t) => {
  t.is(textOf('FE80::1%eth0'), 'fe80::1%eth0');
  for (const text of ['fe80::1', 'fe80::1%', 'fe80::1%a%b', 'fe80::1%a/b', '2001:db8::1%eth0', '::1%lo']) {
    t.is(addressFrom(text), undefined, text);
  }
});

const holds = (network: string, address: string): boolean => inNetwork(parseAddress(address), parseNetwork(network));

test('a network holds the addresses under its prefix and no others', (t) => {
  t.true(holds('10.1.0.0/16', '10.1.255.7'));
  t.false(holds('10.1.0.0/16', '10.2.0.1'));
  t.true(holds('10.1.1.128/25', '10.1.1.200'));
  t.false(holds('10.1.1.128/25', '10.1.1.100'));
  t.true(holds('10.1.1.2', '10.1.1.2'));
  t.true(holds('0.0.0.0/0', '203.0.113.9'));
  t.false(holds('0.0.0.0/0', '::1'));
  t.true(holds('::ffff:10.0.0.0/104', '10.9.9.9'), 'a mapped network is an IPv4 network');
  t.true(holds('fd00::/8', 'fd12::1'));
  t.true(holds('fe80::/10', 'fe80::1%eth0'));
  t.true(holds('fe80::1%eth0', 'fe80::1%eth0'));
  t.false(holds('fe80::1%eth0', 'fe80::1%eth1'));
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '010.0.0.0/8',
    '::/129',
    'fd00::/8/8',
  ]) {
    t.is(t.throws(() => parseNetwork(text), { instanceOf: LedgerError }, text).code, 'bad-address');
  }
});

test('what nobody may be called back at has its own kind', (t) => {
  const kinds = [
    '10.1.1.2',
    '127.3.4.5',
    '::1',
    '169.254.1.1',
    'fe80::1%eth0',
    '224.0.0.1',
    'ff02::1',
    '0.0.0.0',
    '::',
    '255.255.255.255',
  ];
  t.deepEqual(
    kinds.map((text) => addressKind(parseAddress(text))),
    [
      'unicast',
      'loopback',
      'loopback',
      'link-local',
      'link-local',
      'multicast',
      'multicast',
      'unspecified',
      'unspecified',
      'broadcast',
    ],
  );
});

testProp('a canonical address reads as itself', [fc.oneof(fc.ipV4(), fc.ipV6())], (t, text) => {
  const address = addressFrom(text);
  if (address === undefined) return t.regex(text, /^fe[89ab]|\d+\.\d+\.\d+\.\d+$/i);
  return t.is(textOf(address), String(address));
});
