/** Paths of inodes on a mounted file system, for people who read a list of locks: a bounded search, best effort. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { toolPath } from './run.js';

/** A search reads the whole tree once, however many inodes it looks for. */
const SEARCHED_INODES_MAX = 256;
const SEARCH_MS_MAX = 5000;
const PENDING_CHARS_MAX = 64 * 1024;

/**
 * One path for each inode that was found in time, without leaving the mount. Missing ones are not in the map; more
 * than `SEARCHED_INODES_MAX` inodes are not looked for. A host without GNU find finds nothing.
 */
export async function pathsOfInodes(
  mountPoint: string,
  inodes: Iterable<number>,
  options: { readonly timeMsMax?: number } = {},
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const wanted = new Set([...new Set(inodes)].slice(0, SEARCHED_INODES_MAX));
  if (wanted.size === 0) return found;
  const tests = [...wanted].flatMap((inode, index) => [...(index === 0 ? [] : ['-o']), '-inum', String(inode)]);
  const folder = mountPoint.startsWith('/') ? mountPoint : `./${mountPoint}`;
  const find = spawn('find', [folder, '-xdev', '(', ...tests, ')', '-printf', '%i %p\\0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C', PATH: toolPath() },
  });
  const timer = setTimeout(() => find.kill('SIGKILL'), options.timeMsMax ?? SEARCH_MS_MAX);
  let pending = '';
  find.stdout.setEncoding('utf8').on('data', (text: string) => {
    const rows = (pending + text).split('\0');
    pending = rows.pop() ?? '';
    for (const row of rows) {
      const space = row.indexOf(' ');
      const inode = Number(row.slice(0, space));
      if (wanted.has(inode) && !found.has(inode)) found.set(inode, row.slice(space + 1));
    }
    if (found.size === wanted.size || pending.length > PENDING_CHARS_MAX) find.kill('SIGKILL');
  });
  // 'error' instead of 'close' where there is no find.
  await once(find, 'close').catch(() => undefined);
  clearTimeout(timer);
  return found;
}
