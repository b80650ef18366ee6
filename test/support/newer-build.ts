/**
 * A build of a later release: what was compiled here, with an event version that is one higher, and one kind of event
 * (`client-unlocked`) in a form that this release does not know.
 */

import { cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVENT_VERSION } from '../../src/core/event-codec.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** No release of ours has it. */
const KIND = 250;

/** Makes it in `folder`, which is empty; returns the path of its program. */
export async function newerBuild(folder: string): Promise<string> {
  await mkdir(join(folder, 'dist'));
  for (const part of ['src', 'schemas'])
    await cp(join(ROOT, 'dist', part), join(folder, 'dist', part), { recursive: true });
  for (const part of ['package.json', 'node_modules', 'schemas']) await symlink(join(ROOT, part), join(folder, part));
  const changes: readonly (readonly [RegExp, string])[] = [
    [/EVENT_VERSION = [0-9]+;/, `EVENT_VERSION = ${EVENT_VERSION + 1};`],
    [
      /['"]client-unlocked['"]: kind\([0-9]+, ([^\n]*)\),\n/,
      `'client-unlocked': { ...kind(${KIND}, $1), since: ${EVENT_VERSION + 1} },\n`,
    ],
  ];
  for (const path of await withEventVersion(join(folder, 'dist/src'))) {
    let text = await readFile(path, 'utf8');
    for (const [pattern, replacement] of changes) {
      if (!pattern.test(text))
        throw new Error(`${path} has no ${String(pattern)}: the later release cannot be made of it`);
      text = text.replace(pattern, replacement);
    }
    await writeFile(path, text);
  }
  return join(folder, 'dist/src/main.js');
}

/** The module, for the workers, and the part of the program that the build has made of it. */
async function withEventVersion(folder: string): Promise<string[]> {
  const parts = (await readdir(folder)).filter((name) => name.startsWith('bundled-') && name.endsWith('.js'));
  const texts = await Promise.all(parts.map((name) => readFile(join(folder, name), 'utf8')));
  return ['core/event-codec.js', ...parts.filter((_name, index) => texts[index]!.includes(' EVENT_VERSION = '))].map(
    (name) => join(folder, name),
  );
}
