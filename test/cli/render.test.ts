import { Writable } from 'node:stream';
import test from 'ava';
import { logLine } from '../../src/cli/log.js';
import { openOutput, painter, report } from '../../src/cli/output.js';
import { EXIT_OF_ERROR } from '../../src/cli/exit-codes.js';
import { ageText, rangeText, sizeText } from '../../src/cli/render/text.js';
import { callJson, callLines } from '../../src/cli/render/call.js';
import { watchLine } from '../../src/cli/render/watch.js';
import { welcomeLines } from '../../src/cli/render/welcome.js';
import { status } from '../../src/admin/status.js';
import { LedgerError, type ErrorCode } from '../../src/base/errors.js';
import { u64 } from '../../src/base/u64.js';
import type { Bytes } from '../../src/base/bytes.js';
import { callAdmin } from '../../src/admin/call.js';
import type { LockRow, Page, PurgeReply } from '../../src/admin/messages.js';
import { lockLines } from '../../src/cli/render/locks.js';
import { purgeLines } from '../../src/cli/render/purge.js';
import { share } from '../support/commands.js';
import { FakeNode } from '../support/fake-node.js';

const plain = (_style: string, text: string): string => text;

class Screen extends Writable {
  readonly isTTY = true;
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

test('ages, sizes and ranges read as people say them', (t) => {
  t.deepEqual([0, 1500, 61_000, 3_700_000, 90_000_000].map(ageText), [
    '0.0 s',
    '1.5 s',
    '1 min 1 s',
    '1 h 1 min',
    '1 d 1 h',
  ]);
  t.deepEqual([0, 1023, 1024, 5 * 2 ** 30].map(sizeText), ['0 bytes', '1023 bytes', '1.0 KiB', '5.0 GiB']);
  t.is(rangeText('0', 'eof'), 'whole file');
  t.is(rangeText('10', '19'), '10-19');
});

test('a share says what its owner does and what it denies; orders and pins name shares where there are any', async (t) => {
  const node = new FakeNode();
  await node.lock({ serverAddress: '10.1.1.3' });
  for (const to of ['10.1.1.2', '10.1.1.3'])
    await node.submit('default', share({ to, fileSystem: '/srv/data', mode: 0 }));
  const call = { actor: 'claimed:root', door: 'socket', commandId: 'c', now: 0 };
  const list = (await callAdmin(node, { ...call, procedure: 'locks', request: {} })) as Page<LockRow>;
  t.regex(lockLines(list.rows, 0, plain)[2] ?? '', /^2 .* read, deny none +whole file /);
  const request = { address: '10.1.1.2' };
  const reply = (await callAdmin(node, { ...call, procedure: 'unlock-ip', request })) as PurgeReply;
  const [head = '', ...lines] = purgeLines(reply, plain);
  t.regex(head, /^dropped 0 locks, 1 share and 0 waiters on 1 file on node a/);
  t.is(lines.at(-1), 'still pinned: /srv/data by 1 lock, 1 share and 0 waiters, through 10.1.1.3');
});

test('colours are for terminals, and NO_COLOR takes them away', (t) => {
  const screen = new Screen();
  t.true(painter(screen, {})('red', 'x').includes('\u001b['));
  t.is(painter(screen, { NO_COLOR: '1' })('red', 'x'), 'x');
  t.is(painter(screen, { TERM: 'dumb' })('red', 'x'), 'x');
  t.is(painter(new Writable(), {})('red', 'x'), 'x');
});

test('an error is one line on what happened and one on what to do, never a stack', (t) => {
  for (const code of Object.keys(EXIT_OF_ERROR) as ErrorCode[]) {
    const stderr = new Screen();
    const exit = report(new LedgerError(code, 'it happened'), openOutput(new Screen(), stderr, {}), false);
    t.is(exit, EXIT_OF_ERROR[code]);
    t.true(stderr.text.split('\n').length <= 3);
    t.notRegex(stderr.text, /^\s+at /m);
  }
  const stderr = new Screen();
  t.is(report(new TypeError('oops'), openOutput(new Screen(), stderr, {}), false), 1);
  t.regex(stderr.text, /a fault of its own: oops/);
});

test('a line of the log is short on a terminal', (t) => {
  const line = logLine('{"level":40,"time":0,"msg":"the disk is slow","ms":12,"err":{"message":"EIO"}}', plain);
  t.regex(line, /^\d\d:\d\d:\d\d warning the disk is slow \(EIO\) ms=12$/);
});

test('an event stands on one line, its fields by name', (t) => {
  const event = { type: 'lock-granted', client: 'client 1', lock: 42 };
  t.is(
    watchLine({ group: 'default', position: 8, time: 0, event }, plain),
    '1970-01-01T00:00:00.000Z default 8 lock-granted client="client 1" lock=42',
  );
});

test('a denied test names its holder', (t) => {
  const holder = { exclusive: true, svid: -3, oh: '3@c' as Bytes, l_offset: u64(0, 10), l_len: u64(0, 0) };
  t.deepEqual(callLines({ operation: 'TEST', status: 1, holder }, plain), [
    'TEST: DENIED',
    '  held exclusive by svid -3, owner 3@c, from 10, to the end',
  ]);
  t.like(callJson({ operation: 'TEST', status: 1, holder }), {
    status: 1,
    statusName: 'DENIED',
    holder: { offset: '10' },
  });
});

test('a node that starts on a terminal says what to try, with commands that work as they stand', async (t) => {
  const configuration = { socket: '/tmp/s', listen: ['127.0.0.1' as never], nlmPort: 4045 };
  const reply = await status(new FakeNode());
  const lines = welcomeLines(reply, configuration, false, plain).join('\n');
  t.regex(lines, /npx nlm-ledger call lock --file demo --port 4045/);
  t.regex(lines, /npx nlm-ledger locks --socket \/tmp\/s/);
  t.regex(lines, /ledger in \/var\/lib\/nlm-ledger/);
  t.regex(lines, /note control files: off/);
});
