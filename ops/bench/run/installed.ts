/** Whether a program is on this machine. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export function isInstalled(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, name)));
}
