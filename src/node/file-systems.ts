/** From paths to the file systems of the exports, and from handles back to paths: for administrative commands. */

import { LedgerError } from '../base/errors.js';
import type { Bytes } from '../base/bytes.js';
import type { Export } from '../config/configuration.js';
import { decodeGaneshaHandle } from '../handles/ganesha.js';
import { fileSystemName, fileSystemNameOfFsid } from '../handles/map.js';
import { pathsOfInodes } from '../host/inodes.js';
import { fileSystemOfPath, type FileSystem } from '../host/mounts.js';

export interface ServedFileSystem {
  /** As events have it. */
  readonly fileSystem: string;
  readonly mountPoint: string;
}

export class FileSystems {
  readonly #exports: readonly Export[];
  readonly #mountPoints: readonly string[];

  constructor(exports: readonly Export[]) {
    this.#exports = exports;
    this.#mountPoints = exports.flatMap(({ mountPoint }) => (mountPoint === undefined ? [] : [mountPoint]));
  }

  /**
   * The file system that a path is on, as the kernel finds it. `force` names one that no export lies on, too.
   * @throws LedgerError as `fileSystemOfPath`, and 'path-not-served'
   */
  async ofPath(path: string, { force }: { readonly force: boolean }): Promise<ServedFileSystem> {
    const found = await fileSystemOfPath(path, { expectedMountPoints: this.#mountPoints });
    const fileSystem = (await this.#nameOf(found)) ?? (force ? this.#forcedName(found) : undefined);
    if (fileSystem !== undefined) return { fileSystem, mountPoint: found.mountPoint };
    throw new LedgerError(
      'path-not-served',
      `${path} is on the file system mounted at ${found.mountPoint}, which no export of this node lies on; name a path on a served file system, add the export to the configuration, or use --force`,
      { details: { path, mountPoint: found.mountPoint, fsid: found.fsid } },
    );
  }

  /** A path of the file that a handle stands for, where its format shows the inode and the file system is mounted. */
  async pathOfHandle(fileSystem: string, handle: Bytes): Promise<string | undefined> {
    const inode = decodeGaneshaHandle(handle)?.inode;
    if (inode === undefined) return undefined;
    for (const entry of this.#exports) {
      const found = await this.#lookUp(entry.path);
      if (found === undefined || (await this.#nameOf(found)) !== fileSystem) continue;
      const paths = await pathsOfInodes(found.mountPoint, [inode]);
      return paths.get(inode);
    }
    return undefined;
  }

  async #nameOf(found: FileSystem): Promise<string | undefined> {
    for (const entry of this.#exports) {
      const { handle } = entry;
      if (handle.format === 'ganesha' && handle.fsid !== undefined && found.fsid !== undefined) {
        if (fileSystemNameOfFsid(handle.fsid, this.#exports) === fileSystemNameOfFsid(found.fsid, this.#exports)) {
          return fileSystemNameOfFsid(found.fsid, this.#exports);
        }
        continue;
      }
      const exported = await this.#lookUp(entry.path);
      if (exported?.device !== found.device) continue;
      const name = fileSystemName(entry, this.#exports);
      if (name !== undefined) return name;
      if (found.fsid !== undefined) return fileSystemNameOfFsid(found.fsid, this.#exports);
    }
    return undefined;
  }

  #forcedName(found: FileSystem): string | undefined {
    return found.fsid === undefined ? undefined : fileSystemNameOfFsid(found.fsid, this.#exports);
  }

  /** `undefined` where the export's path is not there now. */
  async #lookUp(path: string): Promise<FileSystem | undefined> {
    try {
      return await fileSystemOfPath(path, { expectedMountPoints: this.#mountPoints });
    } catch (error) {
      if (error instanceof LedgerError) return undefined;
      throw error;
    }
  }
}
