/** The tools of the host that a node starts. */

import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from '../../host/run.js';
import { fail, ok, warn, type Said } from '../finding.js';

interface Tool {
  readonly name: string;
  readonly from: string;
  readonly without: (what: string, todo: string) => Said;
  readonly loss: string;
}

const TOOLS: readonly Tool[] = [
  { name: 'flock', from: 'util-linux', without: fail, loss: 'a node cannot lock its data folder and does not start' },
  {
    name: 'ip',
    from: 'iproute2',
    without: warn,
    loss: 'addresses that come and go are seen a second later, aliases of loopback never',
  },
  { name: 'find', from: 'findutils', without: warn, loss: 'locks are listed without the paths of their files' },
];

export async function checkTools(path: string = toolPath()): Promise<Said[]> {
  const said: Said[] = [];
  for (const { name, from, without, loss } of TOOLS) {
    if (!(await isOnPath(name, path))) said.push(without(`the tool ${name} is missing: ${loss}`, `install ${from}`));
  }
  return said.length > 0 ? said : [ok(`${TOOLS.map(({ name }) => name).join(', ')} are here`)];
}

async function isOnPath(name: string, path: string): Promise<boolean> {
  for (const folder of path.split(':')) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && found) return true;
  }
  return false;
}
