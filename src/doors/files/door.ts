/**
 * The door of the control files: a way in for scripts that know the files of the kernel's lock manager. A thread reads
 * the kernel's requests (reader.ts); what only the node can answer comes here, is translated and answered.
 */

import { unreachable } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import type { ControlAdmin } from './admin.js';
import { Device } from './device.js';
import { ERRNO, errnoOf } from './errno.js';
import { INTERRUPTED_MS_MAX, STOP_MS_MAX, TOOL_MS_MAX } from './limits.js';
import { pagesOf } from './listing.js';
import { checkMountable, deviceAt, mountFiles, prepareFolder, unmount, unmountNow } from './mount.js';
import { OpenListing } from './open-listing.js';
import { carryOut } from './order.js';
import type { OrderTell, ReadTell, Tell } from './session.js';
import { errorReply, reply, writtenBody } from './wire.js';

interface ControlFilesLog {
  error(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface ControlFilesOptions {
  /** Absolute; made where it is missing, and empty. */
  readonly directory: string;
  readonly admin: ControlAdmin;
  readonly log: ControlFilesLog;
}

export interface ControlFiles {
  /** Orders under way are answered first, for a while; then the files go, whoever has them open. Idempotent. */
  close(): Promise<void>;
}

/** Of the caller alone: nothing that the node's log should tell. */
const MISTAKES: ReadonlySet<number> = new Set([ERRNO.EINVAL, ERRNO.ENOENT, ERRNO.ENOTDIR]);

/**
 * Resolves once the files can be used.
 * @throws LedgerError 'unsupported' (the node goes on without them), 'busy', 'bad-configuration', 'io'
 */
export async function openControlFiles({ directory, admin, log }: ControlFilesOptions): Promise<ControlFiles> {
  await checkMountable();
  const folder = await prepareFolder(directory);
  const door = new Door(folder, admin, log);
  await door.open();
  return door;
}

class Door implements ControlFiles {
  readonly #folder: string;
  readonly #admin: ControlAdmin;
  readonly #log: ControlFilesLog;
  readonly #device: Device;
  readonly #listings = new Map<number, OpenListing>();
  /** Requests that are not answered yet, and how to end them early. */
  readonly #waiting = new Map<bigint, { readonly done: Promise<void>; readonly interrupt: () => void }>();
  readonly #started: Promise<void>;
  readonly #atExit: () => void;
  #onStarted: (error?: LedgerError) => void = () => undefined;
  #mountDevice: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(folder: string, admin: ControlAdmin, log: ControlFilesLog) {
    this.#folder = folder;
    this.#admin = admin;
    this.#log = log;
    this.#started = new Promise((resolve, reject) => {
      this.#onStarted = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#started.catch(() => undefined);
    this.#device = new Device((tell) => this.#hear(tell));
    this.#atExit = () => unmountNow(folder);
  }

  async open(): Promise<void> {
    const { ended } = this.#device;
    void ended.then(() =>
      this.#onStarted(new LedgerError('unsupported', `${this.#folder}: the kernel gave the mount up`)),
    );
    process.on('exit', this.#atExit);
    try {
      await mountFiles(this.#folder, this.#device.fd);
    } catch (error) {
      this.#device.abandon();
      // A mount(8) that took too long may have done it all the same.
      if ((await deviceAt(this.#folder)) !== undefined) await unmount(this.#folder);
      await ended;
      process.off('exit', this.#atExit);
      this.#device.close();
      throw error;
    }
    this.#mountDevice = await deviceAt(this.#folder);
    try {
      await this.#started;
    } catch (error) {
      await this.close();
      throw error;
    }
    void ended.then((failure) => this.#afterEnd(failure));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await within(STOP_MS_MAX, Promise.allSettled(Array.from(this.#waiting.values(), ({ done }) => done)));
    await this.#takeAway();
    // While the thread is in a read, the device is in use: then it goes with the process.
    const ended = this.#device.ended.then(() => true);
    if ((await within(TOOL_MS_MAX, ended)) === undefined) {
      this.#log.error({ folder: this.#folder }, 'the control files are held open and could not be ended');
      return;
    }
    process.off('exit', this.#atExit);
    this.#device.close();
  }

  /** The mount, where it is still ours: an administrator may have taken it away, and a newer node put its own there. */
  async #takeAway(): Promise<void> {
    if (this.#mountDevice === undefined || (await deviceAt(this.#folder)) !== this.#mountDevice) return;
    const complaint = await unmount(this.#folder);
    if (complaint !== undefined)
      this.#log.error({ folder: this.#folder, complaint }, 'the control files cannot be unmounted');
  }

  /** The thread ended by itself: somebody unmounted the files, or it failed. The node goes on without them. */
  async #afterEnd(failure: Error | undefined): Promise<void> {
    if (this.#closing !== undefined) return;
    if (failure === undefined) {
      // What is mounted there by now is not ours.
      this.#mountDevice = undefined;
      this.#log.warn(
        { folder: this.#folder },
        'the control files were unmounted by somebody else; they are off until the next start',
      );
    } else {
      this.#log.error(
        { err: failure, folder: this.#folder },
        'the control files failed; they are off until the next start',
      );
    }
    // Without a reader nobody would get an answer any more; closed, the kernel answers ENOTCONN.
    this.#device.close();
    await this.close();
  }

  #hear(tell: Tell): void {
    switch (tell.type) {
      case 'started':
        return this.#onStarted();
      case 'refused':
        return this.#onStarted(
          new LedgerError(
            'unsupported',
            `this kernel speaks FUSE ${tell.major}.${tell.minor}, and 7.23 or newer is needed`,
          ),
        );
      case 'order':
      case 'read':
        if (this.#closing !== undefined) return this.#device.answer(errorReply(tell.unique, ERRNO.EIO));
        return this.#whenDone(tell, tell.type === 'order' ? this.#order(tell) : this.#read(tell));
      case 'interrupt':
        return this.#waiting.get(tell.unique)?.interrupt();
      case 'release':
        this.#listings.delete(tell.handle);
        return;
      default:
        return unreachable(tell);
    }
  }

  async #order(order: OrderTell): Promise<Buffer> {
    const { unique, file, uid, data } = order;
    try {
      await carryOut(this.#admin, order, this.#folder);
      return reply(unique, writtenBody(data.length));
    } catch (error) {
      const errno = errnoOf(error);
      if (!MISTAKES.has(errno)) this.#log.error({ err: error, file, uid }, 'an order of a control file failed');
      return errorReply(unique, errno);
    }
  }

  async #read({ unique, handle, file, offset, size }: ReadTell): Promise<Buffer> {
    let listing = this.#listings.get(handle);
    if (listing === undefined) {
      listing = new OpenListing(() => pagesOf(file, this.#admin));
      this.#listings.set(handle, listing);
    }
    const result = await listing.read(offset, size);
    return typeof result === 'number' ? errorReply(unique, result) : reply(unique, result);
  }

  /** Answers when the work is done, or with EINTR some time after its caller was interrupted: it cannot end before. */
  #whenDone({ unique, file }: OrderTell | ReadTell, work: Promise<Buffer>): void {
    let timer: NodeJS.Timeout | undefined;
    const answer = (bytes: Buffer): void => {
      clearTimeout(timer);
      if (this.#waiting.delete(unique)) this.#device.answer(bytes);
    };
    const interrupt = (): void => {
      timer ??= setTimeout(() => {
        this.#log.warn({ file }, 'the caller of a control file gave up waiting; what it ordered goes on');
        answer(errorReply(unique, ERRNO.EINTR));
      }, INTERRUPTED_MS_MAX);
    };
    this.#waiting.set(unique, { done: work.then(answer), interrupt });
  }
}

/** `undefined` where it took longer. */
async function within<T>(timeMsMax: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeMsMax, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
