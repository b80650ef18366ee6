/**
 * From a file handle to its file system and file, by the exports of the configuration. On the hot path of every call:
 * the answers of recent handles are kept.
 */

import { unreachable } from '../base/assert.js';
import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { HandleFormat, HandleParts } from './format.js';
import { ganeshaFormat, normalizeFsid } from './ganesha.js';
import { anyFormat, prefixFormat } from './prefix.js';

export type HandleFormatOptions =
  | { readonly format: 'ganesha'; readonly exportId?: number | undefined; readonly fsid?: string | undefined }
  | {
      readonly format: 'prefix';
      /** Hex. */
      readonly prefix: string;
      /** Hex, as long as the prefix. */
      readonly mask?: string | undefined;
      /** Offset in bytes of the part of the handle that is the file's key. */
      readonly keyFrom?: number | undefined;
    }
  | { readonly format: 'any' };

export interface ExportOptions {
  readonly path: string;
  /** The file system's name in events; see `fileSystemName`. */
  readonly fileSystem?: string | undefined;
  readonly handle: HandleFormatOptions;
}

/** `export` is the path of the export that matched. */
export interface MappedHandle extends HandleParts {
  readonly export: string;
}

export class HandleMap {
  readonly #exports: readonly { readonly path: string; readonly format: HandleFormat }[];

  /** Exports are asked in their order, a catch-all last. @throws LedgerError 'bad-configuration' */
  constructor(exports: readonly ExportOptions[]) {
    const names = fileSystemNames(exports);
    const ordered = exports.toSorted((a, b) => Number(a.handle.format === 'any') - Number(b.handle.format === 'any'));
    this.#exports = ordered.map((entry) => ({ path: entry.path, format: compile(entry, names) }));
  }

  /** `undefined` where no export matches: an unmapped handle. */
  lookup(fh: Bytes): MappedHandle | undefined {
    for (const { path, format } of this.#exports) {
      const parts = format.extract(fh);
      if (parts !== undefined) return { key: parts.key, fileSystem: parts.fileSystem, export: path };
    }
    return undefined;
  }
}

/**
 * The name that handles of this export carry, as far as the configuration alone tells it: the configured one; else,
 * for Ganesha, `fsid:` and the f_fsid (`undefined` where the export does not name it, for then it stands in each
 * handle); else the path of the export.
 */
export function fileSystemName(entry: ExportOptions, exports: readonly ExportOptions[]): string | undefined {
  const { handle } = entry;
  if (handle.format !== 'ganesha') return entry.fileSystem ?? entry.path;
  if (handle.fsid === undefined) return undefined;
  return fsidName(handle.fsid, fileSystemNames(exports));
}

/** Whether a `HandleMap` can be made of the exports. @throws LedgerError 'bad-configuration' */
export function checkExportNames(exports: readonly ExportOptions[]): void {
  fileSystemNames(exports);
}

/** The name of the file system with this f_fsid (as `stat -f -c %i` prints it), among Ganesha's exports. */
export function fileSystemNameOfFsid(fsid: string, exports: readonly ExportOptions[]): string {
  return fsidName(fsid, fileSystemNames(exports));
}

function fsidName(fsid: string, names: ReadonlyMap<string, string>): string {
  const normal = normalizeFsid(fsid);
  return names.get(normal) ?? `fsid:${normal}`;
}

/**
 * A file system of Ganesha's is named by its fsid, never by the export that a handle came through: two names for one
 * file would be two holders of one lock.
 */
function fileSystemNames(exports: readonly ExportOptions[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { path, fileSystem, handle } of exports) {
    if (handle.format !== 'ganesha' || fileSystem === undefined) continue;
    if (handle.fsid === undefined) {
      throw new LedgerError(
        'bad-configuration',
        `export ${path}: a named file system needs its fsid; add what 'stat -f -c %i ${path}' prints, or drop fileSystem`,
        { details: { path } },
      );
    }
    const fsid = normalizeFsid(handle.fsid);
    const other = names.get(fsid);
    if (other !== undefined && other !== fileSystem) {
      throw new LedgerError(
        'bad-configuration',
        `export ${path}: the file system with fsid ${fsid} is named both ${other} and ${fileSystem}; give it one name`,
        { details: { path } },
      );
    }
    names.set(fsid, fileSystem);
  }
  return names;
}

function compile(entry: ExportOptions, names: ReadonlyMap<string, string>): HandleFormat {
  const { handle } = entry;
  const fileSystem = entry.fileSystem ?? entry.path;
  switch (handle.format) {
    case 'ganesha':
      return ganeshaFormat({ exportId: handle.exportId, fsid: handle.fsid, nameOf: (fsid) => fsidName(fsid, names) });
    case 'prefix':
      return prefixFormat({ fileSystem, prefix: handle.prefix, mask: handle.mask, keyFrom: handle.keyFrom });
    case 'any':
      return anyFormat(fileSystem);
    default:
      return unreachable(handle);
  }
}
