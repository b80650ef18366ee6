import test from 'ava';
import { encodeSeed, newSeed, readSeed } from '../../src/signing/nkey.js';
import { parseNote, readTrustedKey, signNote, verifiedBy, verifierKey } from '../../src/signing/note.js';

const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
/** The key and the note that the documentation of Go's golang.org/x/mod/sumdb/note publishes. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NOTE = `${TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

test('a note that another program signed is verified with its published key', (t) => {
  const note = parseNote(NOTE);
  t.is(note.text, TEXT);
  t.deepEqual(verifiedBy(note, [readTrustedKey(PETER)]), ['PeterNeumann']);
});

test('one changed character of a text that is signed is refused', (t) => {
  const note = parseNote(NOTE.replace('answer', 'Answer'));
  t.throws(() => verifiedBy(note, [readTrustedKey(PETER)]), {
    code: 'refused',
    message: /changed after it was signed/,
  });
});

test('signatures of keys that nobody trusts are passed over, and prove nothing', (t) => {
  const other = readSeed(newSeed('N'));
  t.deepEqual(verifiedBy(parseNote(NOTE), [{ name: undefined, publicBytes: other.publicBytes }]), []);
});

test('what is signed here is verified by the nkey and by the verifier key, and by no other name', (t) => {
  const key = readSeed(encodeSeed('N', Buffer.alloc(32, 7)));
  const note = parseNote(signNote(TEXT, 'nlm-ledger/default', key));
  t.deepEqual(verifiedBy(note, [readTrustedKey(key.publicKey)]), ['nlm-ledger/default']);
  t.deepEqual(verifiedBy(note, [readTrustedKey(verifierKey('nlm-ledger/default', key.publicBytes))]), [
    'nlm-ledger/default',
  ]);
  t.deepEqual(verifiedBy(note, [readTrustedKey(verifierKey('nlm-ledger/other', key.publicBytes))]), []);
});

test('a witness adds its line, and both are verified', (t) => {
  const [log, witness] = [readSeed(newSeed('N')), readSeed(newSeed('N'))];
  const line = signNote(TEXT, 'witness.example', witness).slice(TEXT.length + 1);
  const note = parseNote(signNote(TEXT, 'log', log) + line);
  const keys = [log, witness].map((key) => readTrustedKey(key.publicKey));
  t.deepEqual(verifiedBy(note, keys), ['log', 'witness.example']);
});

test('what is no note is refused with the reason', (t) => {
  const bad = [
    '',
    'text\n',
    'text\n\n',
    'text\n\n— name\n',
    'text\n\n— name AAAA\n',
    'text\n\n- name AAAAAAAA\n',
    'text\n\n— name AAAAAAAA',
    `a\n\n— n ${'A'.repeat(70_000)}\n`,
  ];
  for (const text of bad.slice(0, 2).concat(bad.slice(3)))
    t.throws(() => parseNote(text), { code: 'bad-request' }, text.slice(0, 40));
  t.deepEqual(parseNote('text\n\n').signatures, []);
  for (const key of ['x+00000000+AAAA', `${PETER}x`, PETER.replace('c74f', 'c74e')]) {
    t.throws(() => readTrustedKey(key), { name: 'LedgerError' });
  }
});
