/** Linux errno numbers that the control files answer, and the one table from error codes to them. */

import { LedgerError, type ErrorCode } from '../../base/errors.js';

/** include/uapi/asm-generic/errno-base.h and errno.h. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  ENOTDIR: 20,
  EINVAL: 22,
  ENFILE: 23,
  EFBIG: 27,
  ESPIPE: 29,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  EPROTO: 71,
} as const;

export type Errno = (typeof ERRNO)[keyof typeof ERRNO];

/** What a path's resolution answers stands in `details.errno`; where it stands nowhere, the path is not there. */
const OF_PATH: ReadonlyMap<unknown, Errno> = new Map<unknown, Errno>([
  ['ENOTDIR', ERRNO.ENOTDIR],
  ['ELOOP', ERRNO.ELOOP],
  ['ENAMETOOLONG', ERRNO.ENAMETOOLONG],
]);

const OF_CODE: Readonly<Record<ErrorCode, Errno>> = {
  'bad-address': ERRNO.EINVAL,
  'bad-request': ERRNO.EINVAL,
  'bad-configuration': ERRNO.EIO,
  'path-not-found': ERRNO.ENOENT,
  'path-not-served': ERRNO.ENOENT,
  'not-found': ERRNO.ENOENT,
  refused: ERRNO.EACCES,
  limit: ERRNO.EIO,
  busy: ERRNO.EBUSY,
  unavailable: ERRNO.EIO,
  'no-space': ERRNO.EIO,
  io: ERRNO.EIO,
  damaged: ERRNO.EIO,
  'newer-version': ERRNO.EIO,
  timeout: ERRNO.EIO,
  unsupported: ERRNO.EIO,
};

/** A write and its errno come straight from here; anything that is no LedgerError is EIO. */
export function errnoOf(error: unknown): Errno {
  if (!(error instanceof LedgerError)) return ERRNO.EIO;
  const ofPath = error.code === 'path-not-found' ? OF_PATH.get(error.details['errno']) : undefined;
  return ofPath ?? OF_CODE[error.code];
}
