/**
 * A disk in memory for the file ledger's tests: what is not synced is dirty and goes with the power, names included;
 * the power can fail within any write; errors, short writes and a full disk are had by setting a field.
 */

import { basename, dirname } from 'node:path';
import type { OpenMode, Storage, StorageFile } from '../../src/ledger/file/storage.js';

export type Operation =
  'open' | 'read' | 'write' | 'sync' | 'rename' | 'remove' | 'list' | 'make-folder' | 'sync-folder';

interface Node {
  /** What readers see. */
  live: Buffer;
  /** What the disk has. */
  synced: Buffer;
  dirty: boolean;
}

function diskFailure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

export class FaultDisk implements Storage {
  #names = new Map<string, Node>();
  #syncedNames = new Map<string, Node>();
  /** Answers an operation with an errno. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined;
  /** Bytes that one write takes at most. */
  writeBytesMax = Infinity;
  /** Bytes that are free. */
  free = 1024 * 1024 * 1024;
  /** The power fails when so many more bytes were written; what was written of the last one stays. */
  powerBytes = Infinity;
  /** Bytes written so far. */
  written = 0;
  /** Called before each sync and each durable write is done. */
  onDurable: () => void = () => undefined;

  /** The disk after the power came back: only what was synced. Unsynced bytes may survive in part: `keep` decides. */
  reborn(keep: (offset: number) => boolean = () => false): FaultDisk {
    const disk = new FaultDisk();
    for (const [name, node] of this.#syncedNames) {
      const bytes = Buffer.from(node.synced);
      for (let i = 0; i < Math.min(bytes.length, node.live.length); i++) {
        if (bytes[i] !== node.live[i] && keep(i)) bytes[i] = node.live[i] ?? 0;
      }
      disk.put(name, bytes);
    }
    return disk;
  }

  /** The same disk, seen by the next process after a kill: nothing is lost, synced or not. */
  put(path: string, bytes: Buffer): void {
    const node = { live: Buffer.from(bytes), synced: Buffer.from(bytes), dirty: false };
    this.#names.set(path, node);
    this.#syncedNames.set(path, node);
  }

  bytes(path: string): Buffer {
    return this.#node(path).live;
  }

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** Paths with bytes or a name that only a sync would save. */
  dirty(): string[] {
    return this.paths().filter((path) => this.#node(path).dirty || this.#syncedNames.get(path) !== this.#node(path));
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    this.#step('open', `${path}:${mode}`);
    let node = this.#names.get(path);
    if (node === undefined) {
      if (mode !== 'write') throw diskFailure('ENOENT');
      node = { live: Buffer.alloc(0), synced: Buffer.alloc(0), dirty: false };
      this.#names.set(path, node);
    }
    return this.#file(path, node, mode);
  }

  async makeFolder(path: string): Promise<void> {
    this.#step('make-folder', path);
  }

  async list(path: string): Promise<string[]> {
    this.#step('list', path);
    return this.paths()
      .filter((name) => dirname(name) === path)
      .map((name) => basename(name));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename', from);
    this.#names.set(to, this.#node(from));
    this.#names.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.#step('remove', path);
    this.#node(path);
    this.#names.delete(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#step('sync-folder', path);
    for (const name of this.#syncedNames.keys()) if (dirname(name) === path) this.#syncedNames.delete(name);
    for (const [name, node] of this.#names) if (dirname(name) === path) this.#syncedNames.set(name, node);
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  #file(openedAs: string, node: Node, mode: OpenMode): StorageFile {
    /** The name that the file has now: it may have been renamed since. */
    const name = (): string => [...this.#names].find(([, other]) => other === node)?.[0] ?? openedAs;
    const writeNow = (bytes: Uint8Array, position: number): number => {
      this.#step('write', name());
      if (mode === 'durable') this.onDurable();
      const grown = Math.max(0, position + bytes.length - node.live.length);
      if (grown > this.free) throw diskFailure('ENOSPC');
      this.free -= grown;
      const length = Math.min(bytes.length, this.writeBytesMax, this.powerBytes);
      const part = bytes.subarray(0, length);
      node.live = patched(node.live, part, position);
      if (mode === 'durable') node.synced = patched(node.synced, part, position);
      else node.dirty = true;
      this.written += length;
      this.powerBytes -= length;
      if (this.powerBytes <= 0) throw diskFailure('POWER');
      return length;
    };
    return {
      read: async (target, position) => {
        this.#step('read', name());
        return position >= node.live.length ? 0 : node.live.copy(target, 0, position);
      },
      write: async (bytes, position) => writeNow(bytes, position),
      writeNow,
      sync: async () => {
        this.#step('sync', name());
        this.onDurable();
        node.synced = Buffer.from(node.live);
        node.dirty = false;
      },
      truncate: async (size) => {
        this.#step('write', name());
        this.free += node.live.length - size;
        const cut = Buffer.alloc(size);
        node.live.copy(cut);
        node.live = cut;
        node.dirty = true;
      },
      size: async () => node.live.length,
      close: async () => undefined,
    };
  }

  #node(path: string): Node {
    const node = this.#names.get(path);
    if (node === undefined) throw diskFailure('ENOENT');
    return node;
  }

  #step(operation: Operation, path: string): void {
    if (this.powerBytes <= 0) throw diskFailure('POWER');
    const code = this.fault(operation, path);
    if (code !== undefined) throw diskFailure(code);
  }
}

function patched(bytes: Buffer, part: Uint8Array, position: number): Buffer {
  const result = position + part.length > bytes.length ? Buffer.alloc(position + part.length) : bytes;
  if (result !== bytes) bytes.copy(result);
  result.set(part, position);
  return result;
}
