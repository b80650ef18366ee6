import { fc, testProp } from '@fast-check/ava';
import test, { type ExecutionContext } from 'ava';
import { LISTINGS_MAX } from '../../src/doors/files/limits.js';
import { Session, type Answer } from '../../src/doors/files/session.js';
import { readRequest } from '../../src/doors/files/wire.js';
import { bytesOf, replyOf, request, u32, u64, type Part, type Reply } from './kernel.js';

const LOOKUP = 1;
const GETATTR = 3;
const SETATTR = 4;
const OPEN = 14;
const READ = 15;
const WRITE = 16;
const RELEASE = 18;
const INIT = 26;
const READDIR = 28;
const INTERRUPT = 36;
const TIME = 1_900_000_000;
const UNLOCK_IP = 2;
const NLM_FILES = 4;

class Kernel {
  readonly session = new Session(TIME);

  send(opcode: number, node: number, ...body: Part[]): Answer {
    const parsed = readRequest(request(opcode, node, 9, ...body));
    if (parsed === undefined) throw new Error('the request was not understood');
    return this.session.answer(parsed);
  }

  call(opcode: number, node: number, ...body: Part[]): Reply {
    return replyOf(this.send(opcode, node, ...body).reply);
  }

  open(node: number, flags = 0): number {
    const { error, body } = this.call(OPEN, node, u32(flags), u32(0));
    return error === 0 ? Number(body.readBigUInt64LE(0)) : error;
  }

  write(handle: number, text: string): Answer {
    const data = Buffer.from(text);
    return this.send(WRITE, UNLOCK_IP, u64(handle), u64(0), u32(data.length), u32(0), u64(0), u32(0), u32(0), data);
  }

  read(handle: number): Answer {
    return this.send(READ, NLM_FILES, u64(handle), u64(0), u32(4096), u32(0), u64(0), u32(0), u32(0));
  }

  release(handle: number): Answer {
    return this.send(RELEASE, NLM_FILES, u64(handle), u32(0), u32(0), u64(0));
  }
}

function refused(t: ExecutionContext, answer: Answer, errno: number): void {
  t.deepEqual(replyOf(answer.reply), { length: 16, error: -errno, unique: 9, body: Buffer.alloc(0) });
  t.is(answer.tell, undefined);
}

function init(major: number, minor: number): Answer {
  return new Kernel().send(INIT, 0, u32(major), u32(minor), u32(131072), u32(0xffff_ffff), new Uint8Array(48));
}

test('INIT settles on the smaller minor version, the flags that both know, and writes of one page', (t) => {
  const newer = init(7, 45);
  t.deepEqual(newer.tell, { type: 'started' });
  const { body } = replyOf(newer.reply);
  const expected = bytesOf(
    u32(7),
    u32(31),
    u32(131072),
    u32(0b101000),
    u32(0),
    u32(4096),
    u32(1e9),
    new Uint8Array(36),
  );
  t.deepEqual(body, expected);
  t.is(replyOf(init(7, 26).reply).body.readUInt32LE(4), 26);
});

test('a kernel of a later major version is told ours and asks again; one that is too old is refused', (t) => {
  const kernel = new Kernel();
  const later = kernel.send(INIT, 0, u32(8), u32(0), u32(0), u32(0));
  t.is(replyOf(later.reply).body.readUInt32LE(0), 7);
  t.is(later.tell, undefined);
  const old = kernel.send(INIT, 0, u32(7), u32(22), u32(0), u32(0));
  t.is(replyOf(old.reply).error, -71);
  t.deepEqual(old.tell, { type: 'refused', major: 7, minor: 22 });
});

test('the folder lists its five files, and goes on where a page of entries ended', (t) => {
  const kernel = new Kernel();
  const names: string[] = [];
  let offset = 0n;
  for (;;) {
    const { body } = kernel.call(READDIR, 1, u64(0), u64(offset), u32(100), u32(0), u64(0), u32(0), u32(0));
    if (body.length === 0) break;
    t.true(body.length <= 100);
    for (let at = 0; at < body.length;) {
      const length = body.readUInt32LE(at + 16);
      names.push(body.toString('latin1', at + 24, at + 24 + length));
      offset = body.readBigUInt64LE(at + 8);
      at += Math.ceil((24 + length) / 8) * 8;
    }
  }
  t.deepEqual(names, ['.', '..', 'unlock_ip', 'unlock_filesystem', 'nlm_files', 'groups', 'grace']);
});

test('LOOKUP and GETATTR show the modes of the kernel’s own files', (t) => {
  const kernel = new Kernel();
  const entry = kernel.call(LOOKUP, 1, 'unlock_ip');
  t.is(entry.error, 0);
  t.is(entry.length, 16 + 128);
  t.is(entry.body.readBigUInt64LE(40), 2n);
  t.is(entry.body.readUInt32LE(40 + 60), 0o100600);
  const listing = kernel.call(GETATTR, NLM_FILES, u32(0), u32(0), u64(0));
  t.is(listing.length, 16 + 104);
  t.is(listing.body.readUInt32LE(16 + 60), 0o100444);
  t.is(listing.body.readBigUInt64LE(16 + 32), BigInt(TIME));
  t.is(kernel.call(LOOKUP, 1, 'other').error, -2);
  t.is(kernel.call(GETATTR, 100, u32(0), u32(0), u64(0)).error, -2);
});

test('each finding of an order’s file is a node of its own, as long as nobody keeps it, and the same inode', (t) => {
  const kernel = new Kernel();
  const found = Array.from({ length: 3 }, () => kernel.call(LOOKUP, 1, 'unlock_ip').body);
  const nodes = found.map((body) => Number(body.readBigUInt64LE(0)));
  t.is(new Set(nodes).size, 3);
  for (const body of found) t.is(body.readBigUInt64LE(16), 0n);
  for (const node of nodes) {
    t.is(kernel.call(GETATTR, node, u32(0), u32(0), u64(0)).body.readBigUInt64LE(16), 2n);
    t.true(kernel.open(node, 1) > 0);
  }
});

test('a write is told as an order with its uid, and replied to by the node alone', (t) => {
  const kernel = new Kernel();
  const { reply, tell } = kernel.write(kernel.open(UNLOCK_IP, 1), '10.1.1.2\n');
  t.is(reply, undefined);
  t.deepEqual(tell, {
    type: 'order',
    unique: 9n,
    file: 'unlock_ip',
    uid: 1000,
    data: new Uint8Array(Buffer.from('10.1.1.2\n')),
  });
});

test('an open file takes one write; reading it needs that write', (t) => {
  const kernel = new Kernel();
  const handle = kernel.open(UNLOCK_IP, 2);
  refused(t, kernel.read(handle), 22);
  kernel.write(handle, '10.1.1.2\n');
  refused(t, kernel.write(handle, '10.1.1.2\n'), 16);
  t.is(replyOf(kernel.read(handle).reply).body.length, 0);
});

test('a write of more than 4087 bytes is too big', (t) => {
  const kernel = new Kernel();
  refused(t, kernel.write(kernel.open(UNLOCK_IP, 1), 'x'.repeat(4088)), 27);
  t.not(kernel.write(kernel.open(UNLOCK_IP, 1), 'x'.repeat(4087)).tell, undefined);
});

test('a listing cannot be opened for writing, not even by root', (t) => {
  t.is(new Kernel().open(NLM_FILES, 1), -13);
});

test('beyond the limit of open listings another is refused until one is closed', (t) => {
  const kernel = new Kernel();
  const handles = Array.from({ length: LISTINGS_MAX }, () => kernel.open(NLM_FILES));
  t.is(kernel.open(NLM_FILES), -23);
  t.true(kernel.open(UNLOCK_IP, 1) > 0);
  t.deepEqual(kernel.release(handles[0] ?? 0).tell, { type: 'release', handle: handles[0] });
  t.true(kernel.open(NLM_FILES) > 0);
});

test('an order’s file may be cut to nothing, and nothing else about a file may be changed', (t) => {
  const kernel = new Kernel();
  const set = (node: number, valid: number, size = 0): number =>
    kernel.call(SETATTR, node, u32(valid), u32(0), u64(0), u64(size), new Uint8Array(64)).error;
  t.is(set(UNLOCK_IP, 0b1000), 0);
  t.is(set(UNLOCK_IP, 0b1000, 5), -22);
  t.is(set(NLM_FILES, 0b1000), -13);
  t.is(set(UNLOCK_IP, 0b0001), -1);
  t.is(set(UNLOCK_IP, 0b110000), 0);
});

test('an interrupt and a forget have no reply', (t) => {
  const kernel = new Kernel();
  t.deepEqual(kernel.send(INTERRUPT, 0, u64(5)), { tell: { type: 'interrupt', unique: 5n } });
  t.deepEqual(kernel.send(2, 1, u64(1)), {});
  t.deepEqual(kernel.send(42, 0, u32(0), u32(0)), {});
});

test('an operation that is not known is ENOSYS, and nothing can be made, removed or renamed', (t) => {
  const kernel = new Kernel();
  const errors = [9999, 22, 35, 9, 10, 12].map((opcode) => kernel.call(opcode, 1, 'x').error);
  t.deepEqual(errors, [-38, -38, -13, -1, -1, -1]);
});

test('bytes that are not one whole request are none', (t) => {
  const whole = request(LOOKUP, 1, 1, 'groups');
  for (let length = 0; length < whole.length; length++) t.is(readRequest(whole.subarray(0, length)), undefined);
  t.is(readRequest(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
});

testProp(
  'whatever the body of a request is, it is answered and never throws',
  [fc.integer({ min: 0, max: 60 }), fc.nat(8), fc.uint8Array({ maxLength: 120 })],
  (t, opcode, node, body) => {
    const { reply } = new Kernel().send(opcode, node, body);
    if (reply !== undefined) t.is(reply.readUInt32LE(0), reply.length);
    t.pass();
  },
);
