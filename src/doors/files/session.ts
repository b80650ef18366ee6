/**
 * What the kernel asks of the control files, answered without the node wherever nothing but the fixed folder is asked.
 * Pure: the reading thread hands requests in, writes the replies, and tells the node what only the node can answer.
 */

import { ERRNO, type Errno } from './errno.js';
import { LISTINGS_MAX, ORDER_BYTES_MAX, WRITE_BYTES_MAX } from './limits.js';
import {
  FILES,
  ROOT_NODE,
  fileOfNode,
  nodeOfFinding,
  type ControlFile,
  type ListingName,
  type OrderName,
} from './tree.js';
import * as wire from './wire.js';
import { OPCODE, type Request } from './wire.js';

/** What the node has to hear of. `order` and `read` wait for its answer; `unique` names the reply. */
export type Tell =
  | { readonly type: 'started' }
  | { readonly type: 'refused'; readonly major: number; readonly minor: number }
  | OrderTell
  | ReadTell
  | { readonly type: 'interrupt'; readonly unique: bigint }
  | { readonly type: 'release'; readonly handle: number };

export interface OrderTell {
  readonly type: 'order';
  readonly unique: bigint;
  readonly file: OrderName;
  /** Whose write it is, as the kernel reports it. */
  readonly uid: number;
  readonly data: Uint8Array;
}

export interface ReadTell {
  readonly type: 'read';
  readonly unique: bigint;
  readonly file: ListingName;
  readonly handle: number;
  readonly offset: number;
  readonly size: number;
}

export interface Answer {
  /** Absent where the node replies, and where the protocol has no reply. */
  readonly reply?: Buffer;
  readonly tell?: Tell;
}

interface OpenFile {
  readonly file: ControlFile;
  written: boolean;
}

/** Linux 3.15; before it the reply to INIT was shorter. */
const MINOR_MIN = 23;
/** What these structures are written for; a newer kernel speaks it too. */
const MINOR_MAX = 31;
const FUSE_ATOMIC_O_TRUNC = 1 << 3;
const FUSE_BIG_WRITES = 1 << 5;
const FOPEN_DIRECT_IO = 1 << 0;
const O_ACCMODE = 3;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

const NO_REPLY: ReadonlySet<number> = new Set([OPCODE.FORGET, OPCODE.BATCH_FORGET]);

/** As in the folder of nfsd: nothing is made, moved or removed. */
const NOT_ALLOWED: ReadonlyMap<number, Errno> = new Map<number, Errno>([
  [OPCODE.MKNOD, ERRNO.EACCES],
  [OPCODE.CREATE, ERRNO.EACCES],
  [OPCODE.SYMLINK, ERRNO.EPERM],
  [OPCODE.MKDIR, ERRNO.EPERM],
  [OPCODE.UNLINK, ERRNO.EPERM],
  [OPCODE.RMDIR, ERRNO.EPERM],
  [OPCODE.RENAME, ERRNO.EPERM],
  [OPCODE.RENAME2, ERRNO.EPERM],
  [OPCODE.LINK, ERRNO.EPERM],
]);

const DIRECTORY: readonly wire.DirectoryEntry[] = [
  { name: '.', node: ROOT_NODE, type: 4 },
  { name: '..', node: ROOT_NODE, type: 4 },
  ...FILES.map(({ name, node }) => ({ name, node, type: 8 })),
];

export class Session {
  readonly #open = new Map<number, OpenFile>();
  /** Seconds since 1970: the time that every file shows. */
  readonly #time: number;
  #lastHandle = 0;
  #findings = 0;
  #listings = 0;

  constructor(time: number) {
    this.#time = time;
  }

  answer(request: Request): Answer {
    if (NO_REPLY.has(request.opcode)) return {};
    const result = this.#result(request);
    if (typeof result === 'number') return { reply: wire.errorReply(request.unique, result) };
    if (result instanceof Uint8Array) return { reply: wire.reply(request.unique, result) };
    return result;
  }

  /** A body, an errno, or the whole answer where it is neither. */
  #result(request: Request): Buffer | Errno | Answer {
    const { opcode, body } = request;
    switch (opcode) {
      case OPCODE.INIT:
        return initialized(request);
      case OPCODE.LOOKUP:
        return this.#lookup(request);
      case OPCODE.GETATTR: {
        const attributes = this.#attributes(request.node);
        return attributes === undefined ? ERRNO.ENOENT : wire.attributesBody(attributes);
      }
      case OPCODE.SETATTR:
        return this.#setAttributes(request);
      case OPCODE.OPEN:
        return this.#opened(request);
      case OPCODE.READ:
        return this.#read(request);
      case OPCODE.WRITE:
        return this.#write(request);
      case OPCODE.RELEASE:
        return this.#release(request);
      case OPCODE.OPENDIR:
        return wire.openBody(0, 0);
      case OPCODE.READDIR: {
        const read = wire.readRead(body);
        return read === undefined ? ERRNO.EINVAL : wire.directoryBody(DIRECTORY, read.offset, read.size);
      }
      case OPCODE.STATFS:
        return wire.statfsBody(FILES.length);
      case OPCODE.INTERRUPT: {
        const interrupted = wire.readInterrupt(body);
        return interrupted === undefined ? {} : { tell: { type: 'interrupt', unique: interrupted.unique } };
      }
      case OPCODE.RELEASEDIR:
      case OPCODE.FLUSH:
      case OPCODE.FSYNC:
      case OPCODE.FSYNCDIR:
      case OPCODE.ACCESS:
      case OPCODE.DESTROY:
        return Buffer.alloc(0);
      default:
        return NOT_ALLOWED.get(opcode) ?? ERRNO.ENOSYS;
    }
  }

  #lookup({ node: folder, body }: Request): Buffer | Errno {
    const name = wire.readName(body);
    if (name === undefined) return ERRNO.EINVAL;
    const file = folder === ROOT_NODE ? FILES.find((each) => each.name === name) : undefined;
    if (file === undefined) return ERRNO.ENOENT;
    const node = nodeOfFinding(file, ++this.#findings);
    return wire.entryBody(node, attributesOf(file, this.#time), file.kind === 'listing');
  }

  #attributes(node: number): wire.Attributes | undefined {
    const time = this.#time;
    if (node === ROOT_NODE) return { inode: ROOT_NODE, mode: S_IFDIR | 0o555, links: 2, time };
    const file = fileOfNode(node);
    return file === undefined ? undefined : attributesOf(file, time);
  }

  /** `echo … >` cuts a file to nothing, which an order's file already is; times are taken and forgotten. */
  #setAttributes({ node, body }: Request): Buffer | Errno {
    const wanted = wire.readSetAttributes(body);
    const attributes = this.#attributes(node);
    if (wanted === undefined) return ERRNO.EINVAL;
    if (attributes === undefined) return ERRNO.ENOENT;
    if (wanted.modeOrOwner) return ERRNO.EPERM;
    if (wanted.size !== undefined && fileOfNode(node)?.kind !== 'order') return ERRNO.EACCES;
    if (wanted.size !== undefined && wanted.size !== 0) return ERRNO.EINVAL;
    return wire.attributesBody(attributes);
  }

  #opened({ node, body }: Request): Buffer | Errno {
    const wanted = wire.readOpen(body);
    const file = fileOfNode(node);
    if (wanted === undefined) return ERRNO.EINVAL;
    if (file === undefined) return ERRNO.ENOENT;
    if (file.kind === 'listing') {
      // Root may open what its mode does not allow.
      if ((wanted.flags & O_ACCMODE) !== 0) return ERRNO.EACCES;
      if (this.#listings >= LISTINGS_MAX) return ERRNO.ENFILE;
      this.#listings++;
    }
    const handle = ++this.#lastHandle;
    this.#open.set(handle, { file, written: false });
    return wire.openBody(handle, FOPEN_DIRECT_IO);
  }

  #read({ unique, body }: Request): Buffer | Errno | Answer {
    const read = wire.readRead(body);
    const open = read === undefined ? undefined : this.#open.get(read.handle);
    if (read === undefined || open === undefined) return ERRNO.EINVAL;
    // Reading an order's file tries the order of no bytes, which is no order; after a write there is nothing to read.
    if (open.file.kind === 'order') return open.written ? Buffer.alloc(0) : ERRNO.EINVAL;
    return { tell: { type: 'read', unique, file: open.file.name, ...read } };
  }

  /** One write is one order, and one open file takes one (simple_transaction_get of fs/libfs.c). */
  #write({ unique, uid, body }: Request): Errno | Answer {
    const write = wire.readWrite(body);
    const open = write === undefined ? undefined : this.#open.get(write.handle);
    if (write === undefined || open === undefined || open.file.kind !== 'order') return ERRNO.EINVAL;
    if (write.data.length > ORDER_BYTES_MAX) return ERRNO.EFBIG;
    if (open.written) return ERRNO.EBUSY;
    open.written = true;
    return { tell: { type: 'order', unique, file: open.file.name, uid, data: write.data.slice() } };
  }

  #release({ unique, body }: Request): Errno | Answer {
    const released = wire.readRelease(body);
    if (released === undefined) return ERRNO.EINVAL;
    const { handle } = released;
    if (this.#open.get(handle)?.file.kind === 'listing') this.#listings--;
    this.#open.delete(handle);
    return { reply: wire.reply(unique), tell: { type: 'release', handle } };
  }
}

function attributesOf(file: ControlFile, time: number): wire.Attributes {
  return { inode: file.node, mode: S_IFREG | file.mode, links: 1, time };
}

/** A kernel of a later major number asks again with ours; an older one is refused. */
function initialized({ unique, body }: Request): Errno | Answer {
  const init = wire.readInit(body);
  if (init === undefined) return ERRNO.EPROTO;
  const { major, minor, readAheadBytesMax } = init;
  if (major < wire.MAJOR || (major === wire.MAJOR && minor < MINOR_MIN)) {
    return { reply: wire.errorReply(unique, ERRNO.EPROTO), tell: { type: 'refused', major, minor } };
  }
  const negotiated = wire.initBody({
    minor: major === wire.MAJOR ? Math.min(minor, MINOR_MAX) : MINOR_MAX,
    readAheadBytesMax,
    flags: init.flags & (FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES),
    writeBytesMax: WRITE_BYTES_MAX,
  });
  const answer = { reply: wire.reply(unique, negotiated) };
  return major > wire.MAJOR ? answer : { ...answer, tell: { type: 'started' } };
}
