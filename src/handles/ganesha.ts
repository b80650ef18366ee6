/**
 * The NFSv3 file handle of NFS-Ganesha's FSAL_VFS, one of the handle formats.
 *
 *   byte 0      0x43, the version
 *   byte 1      flags
 *   bytes 2, 3  Export_Id, big endian
 *   byte 4      length of the opaque part
 *   byte 5      the opaque part: low 5 bits the fsid type, high bits the size of the kernel handle type (0x40 one byte)
 *   then        fsid: 0, 8 or 16 bytes by its type; type 4: f_fsid of statfs, two little-endian u32
 *   then        kernel handle type (1 inode and generation, 2 the same with the parent's inode), kernel handle;
 *               three words of type 1 are of tmpfs: generation, then the inode's low and high word
 *   then        zero to three bytes of padding to a multiple of 4
 *
 * A handle is valid if and only if (1) byte 0 is 0x43, (2) it is as long as the opaque part and its padding say, and
 * (3) the opaque part is long enough for its fsid. The file's key is the opaque part: the export is not in it.
 */

import type { Bytes } from '../base/bytes.js';
import { HANDLE_BYTES_MAX, type HandleFormat } from './format.js';

const VERSION = 0x43;
const OPAQUE_START = 5;
const FSID_START = 6;
const FSID_TYPE_MASK = 0x1f;
const FSID_TWO_UINT32 = 4;
/** Bytes of the fsid by its type: none, one u64, major and u64, two u64, two u32, device. */
const FSID_BYTES = [0, 8, 16, 16, 8, 8] as const;
const KERNEL_TYPE_ONE_BYTE = 0x40;
/** Linux mm/shmem.c, shmem_encode_fh. */
const TMPFS_BYTES = 12;
/** File systems whose names one export keeps; a stranger's handles can name any. */
const NAMES_MAX = 1024;

export interface GaneshaHandle {
  readonly exportId: number;
  /** As `stat -f -c %i` prints it (type 4); for another type `type:bytes in hex`. */
  readonly fsid: string;
  readonly key: Bytes;
  /** Where the kernel handle type is 1 or 2. */
  readonly inode: number | undefined;
  readonly generation: number | undefined;
}

/** `undefined` where the bytes are no such handle. */
export function decodeGaneshaHandle(fh: Bytes): GaneshaHandle | undefined {
  const fsidEnd = endOfFsid(fh);
  if (fsidEnd === undefined) return undefined;
  const end = endOfOpaque(fh);
  const header = fh.charCodeAt(OPAQUE_START);
  const file = (header & 0xc0) === KERNEL_TYPE_ONE_BYTE ? decodeKernelHandle(fh, fsidEnd, end) : undefined;
  return {
    exportId: exportIdOf(fh),
    fsid: fsidText(fh, fsidEnd),
    key: fh.slice(OPAQUE_START, end) as Bytes, // a part of opaque bytes is opaque bytes
    inode: file?.inode,
    generation: file?.generation,
  };
}

/** The format of one export. An export with neither number matches every handle of Ganesha's. */
export function ganeshaFormat(options: {
  readonly exportId?: number | undefined;
  /** As `stat -f -c %i PATH` prints it. */
  readonly fsid?: string | undefined;
  /** The name of the file system with this fsid. */
  readonly nameOf: (fsid: string) => string;
}): HandleFormat {
  const { exportId, nameOf } = options;
  const fsid = options.fsid === undefined ? undefined : normalizeFsid(options.fsid);
  // By the bytes of the fsid and its type: its text is made once a file system, not once a call.
  const names = new Map<string, string | undefined>();
  const nameOfBytes = (fh: Bytes, fsidEnd: number): string | undefined => {
    const bytes = fh.slice(OPAQUE_START, fsidEnd);
    const known = names.get(bytes);
    if (known !== undefined || names.has(bytes)) return known;
    const text = fsidText(fh, fsidEnd);
    const name = fsid === undefined || fsid === text ? nameOf(text) : undefined;
    if (names.size >= NAMES_MAX) names.clear();
    names.set(bytes, name);
    return name;
  };
  return {
    extract(fh) {
      const fsidEnd = endOfFsid(fh);
      if (fsidEnd === undefined || (exportId !== undefined && exportId !== exportIdOf(fh))) return undefined;
      const fileSystem = nameOfBytes(fh, fsidEnd);
      if (fileSystem === undefined) return undefined;
      return { key: fh.slice(OPAQUE_START, endOfOpaque(fh)) as Bytes, fileSystem }; // as above
    },
  };
}

/** Lower case, leading zeros dropped: as `stat -f -c %i` prints it. */
export function normalizeFsid(fsid: string): string {
  return fsid.toLowerCase().replace(/^0+(?=.)/, '');
}

/** Where the kernel's part begins; `undefined` where the bytes are no such handle. */
function endOfFsid(fh: Bytes): number | undefined {
  if (fh.length <= FSID_START || fh.length > HANDLE_BYTES_MAX || fh.charCodeAt(0) !== VERSION) return undefined;
  const end = endOfOpaque(fh);
  if (end > fh.length || fh.length - end > 3) return undefined;
  const fsidBytes = FSID_BYTES[fh.charCodeAt(OPAQUE_START) & FSID_TYPE_MASK];
  return fsidBytes === undefined || FSID_START + fsidBytes > end ? undefined : FSID_START + fsidBytes;
}

function endOfOpaque(fh: Bytes): number {
  return OPAQUE_START + fh.charCodeAt(4);
}

function exportIdOf(fh: Bytes): number {
  return (fh.charCodeAt(2) << 8) | fh.charCodeAt(3);
}

function fsidText(fh: Bytes, fsidEnd: number): string {
  const type = fh.charCodeAt(OPAQUE_START) & FSID_TYPE_MASK;
  return type === FSID_TWO_UINT32 ? statfsText(fh) : `${type}:${hex(fh, FSID_START, fsidEnd)}`;
}

function decodeKernelHandle(fh: Bytes, start: number, end: number): { inode: number; generation: number } | undefined {
  if (start >= end) return undefined;
  const type = fh.charCodeAt(start);
  // 2 adds the inode of the parent directory, which is not needed to find the file.
  const words = type === 1 ? 2 : type === 2 ? 3 : undefined;
  const bytes = end - start - 1;
  if (words === undefined || bytes < words * 4) return undefined;
  if (type === 1 && bytes === TMPFS_BYTES) {
    const inode = u32LittleEndian(fh, start + 5) + u32LittleEndian(fh, start + 9) * 0x1_0000_0000;
    return { inode, generation: u32LittleEndian(fh, start + 1) };
  }
  return { inode: u32LittleEndian(fh, start + 1), generation: u32LittleEndian(fh, start + 5) };
}

/** The two words in the order that `stat -f` prints them: the first is the high one. */
function statfsText(fh: Bytes): string {
  const high = u32LittleEndian(fh, FSID_START);
  const low = u32LittleEndian(fh, FSID_START + 4);
  return high === 0 ? low.toString(16) : high.toString(16) + low.toString(16).padStart(8, '0');
}

function u32LittleEndian(fh: Bytes, at: number): number {
  return (
    (fh.charCodeAt(at) |
      (fh.charCodeAt(at + 1) << 8) |
      (fh.charCodeAt(at + 2) << 16) |
      (fh.charCodeAt(at + 3) << 24)) >>>
    0
  );
}

function hex(fh: Bytes, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += fh.charCodeAt(i).toString(16).padStart(2, '0');
  return text;
}
