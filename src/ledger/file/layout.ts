/** Where what lies: `<data>/groups/<group>/{segments,checkpoints,aside}`. Names only; under everything in ledger/file. */

import { join } from 'node:path';
import type { Position } from '../port.js';
import { checkGroupName } from './format.js';

export interface GroupFolders {
  readonly root: string;
  readonly segments: string;
  readonly checkpoints: string;
  /** What recovery took out, byte for byte. */
  readonly aside: string;
}

export function groupsFolder(data: string): string {
  return join(data, 'groups');
}

export function groupFolders(data: string, group: string): GroupFolders {
  checkGroupName(group);
  const root = join(groupsFolder(data), group);
  return {
    root,
    segments: join(root, 'segments'),
    checkpoints: join(root, 'checkpoints'),
    aside: join(root, 'aside'),
  };
}

/** A segment that is being filled with another log's entries (incoming.ts); it has no name yet, and holds nothing. */
export const INCOMING = 'incoming';

export function segmentName(first: Position): string {
  return `${String(first).padStart(16, '0')}.seg`;
}

/** First positions of the segments among the names of a folder, ascending. */
export function segmentFirsts(names: readonly string[]): Position[] {
  return names
    .filter((name) => /^\d{16}\.seg$/.test(name))
    .map((name) => Number(name.slice(0, 16)))
    .sort((a, b) => a - b);
}
