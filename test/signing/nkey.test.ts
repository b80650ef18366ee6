import test from 'ava';
import { nkeys } from 'nats';
import { encodeSeed, newSeed, readPublicKey, readSeed, verifies } from '../../src/signing/nkey.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

test('a seed and what it signs are what RFC 8032 says', (t) => {
  // RFC 8032, 7.1, test 3.
  const raw = hex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7');
  const key = readSeed(encodeSeed('U', raw));
  t.is(
    Buffer.from(key.publicBytes).toString('hex'),
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  );
  const signature = key.sign(hex('af82'));
  t.is(
    Buffer.from(signature).toString('hex'),
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  );
  t.true(verifies(key.publicBytes, hex('af82'), signature));
  t.false(verifies(key.publicBytes, hex('af83'), signature));
});

test('seeds and public keys are those of the nkeys library, both ways', (t) => {
  for (const type of ['U', 'N'] as const) {
    const seed = newSeed(type);
    const ours = readSeed(`-----BEGIN SEED-----\n${seed}\n-----END SEED-----\n`);
    const theirs = nkeys.fromSeed(Buffer.from(seed));
    t.is(ours.publicKey, theirs.getPublicKey());
    t.true(ours.publicKey.startsWith(type));
    const message = Buffer.from('order');
    t.true(theirs.verify(message, ours.sign(message)));
    t.true(verifies(readPublicKey(theirs.getPublicKey()), message, theirs.sign(message)));
  }
  for (const pair of [
    nkeys.createUser(),
    nkeys.createServer(),
    nkeys.createAccount(),
    nkeys.createOperator(),
    nkeys.createCluster(),
  ]) {
    t.is(readSeed(Buffer.from(pair.getSeed()).toString()).publicKey, pair.getPublicKey());
    t.deepEqual(
      Buffer.from(readPublicKey(pair.getPublicKey())),
      Buffer.from(readSeed(Buffer.from(pair.getSeed()).toString()).publicBytes),
    );
  }
});

test('one wrong letter of a seed or of a public key is found', (t) => {
  const seed = newSeed('U');
  const { publicKey } = readSeed(seed);
  for (const [text, read] of [
    [seed, readSeed],
    [publicKey, readPublicKey],
  ] as const) {
    for (let i = 0; i < text.length; i += 1) {
      const other = text[i] === 'B' ? 'C' : 'B';
      t.throws(() => read(text.slice(0, i) + other + text.slice(i + 1)), { name: 'LedgerError' }, `letter ${i}`);
    }
    t.throws(() => read(''), { code: 'bad-request' });
  }
  t.throws(() => readPublicKey(seed), { message: /a seed is secret/ });
});
