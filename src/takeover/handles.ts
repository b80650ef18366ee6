/**
 * What the file handles of a node are made from, a text an export. Where the texts of two nodes differ, a client's
 * handle from one leads to nothing, or to another file, on the other: its locks cannot be carried over.
 */

import { LedgerError } from '../base/errors.js';
import { normalizeFsid } from '../handles/ganesha.js';
import { fileSystemOfPath } from '../host/mounts.js';
import type { MovedExport } from './moved-group.js';

/** @throws LedgerError `path-not-found` for a mount point that is not mounted, `refused` for another fsid than configured */
export async function handlesOf(exports: readonly MovedExport[]): Promise<string[]> {
  const mountPoints = exports.flatMap(({ mountPoint }) => (mountPoint === undefined ? [] : [mountPoint]));
  const texts: string[] = [];
  for (const entry of exports) texts.push(handleText(entry, await fsidOf(entry, mountPoints)));
  return texts.sort();
}

/** The exports in which two nodes differ, as a sentence; undefined where they agree. */
export function differenceOf(theirs: readonly string[], ours: readonly string[]): string | undefined {
  const gone = theirs.filter((text) => !ours.includes(text));
  const come = ours.filter((text) => !theirs.includes(text));
  if (gone.length === 0 && come.length === 0) return undefined;
  return `there: ${gone.join('; ') || 'nothing else'}; here: ${come.join('; ') || 'nothing else'}`;
}

function handleText({ path, handle }: MovedExport, fsid: string | undefined): string {
  switch (handle.format) {
    case 'ganesha':
      return `${path}: ganesha${handle.exportId === undefined ? '' : ` export ${handle.exportId}`} fsid ${fsid ?? 'unknown'}`;
    case 'prefix':
      return `${path}: prefix ${handle.prefix} mask ${handle.mask ?? 'all'} key from ${handle.keyFrom ?? 'the prefix on'}`;
    case 'any':
      return `${path}: any`;
  }
}

/** Ganesha's handles hold the f_fsid: of XFS it is the number of the device, which two nodes need not share. */
async function fsidOf({ path, handle }: MovedExport, mountPoints: readonly string[]): Promise<string | undefined> {
  if (handle.format !== 'ganesha') return undefined;
  const configured = handle.fsid === undefined ? undefined : normalizeFsid(handle.fsid);
  const found = await mounted(path, mountPoints);
  const actual = found === undefined ? undefined : normalizeFsid(found);
  if (actual !== undefined && configured !== undefined && actual !== configured) {
    throw new LedgerError(
      'refused',
      `export ${path}: its file system has fsid ${actual}, the configuration says ${configured}; correct exports[].handle.fsid on this node, or mount the right file system`,
    );
  }
  return actual ?? configured;
}

/** Without a mount point the path need not be on this host: the server may have another root. */
async function mounted(path: string, expectedMountPoints: readonly string[]): Promise<string | undefined> {
  try {
    return (await fileSystemOfPath(path, { expectedMountPoints })).fsid;
  } catch (error) {
    const isMissing = error instanceof LedgerError && error.code === 'path-not-found';
    if (isMissing && error.details['errno'] !== 'ENOTMOUNTED') return undefined;
    throw error;
  }
}
