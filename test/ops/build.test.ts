/** What a build leaves in dist: modules, and the program that is made of them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';

/** A file that a module names from its own place: in the program, that place stands as another URL within. */
const OWN_PLACE = /new URL\((["'])([^"']+)\1, (?:import\.meta\.url|new URL\("([^"]+)", import\.meta\.url\)\.href)\)/g;

test('workers and files that a module names by its own place are there, also from the program that is made of all', (t) => {
  const named = new Set<string>();
  for (const path of readdirSync('dist/src', { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.js')) continue;
    const file = join('dist/src', path);
    for (const [, , name, module] of readFileSync(file, 'utf8').matchAll(OWN_PLACE)) {
      const place = module === undefined ? pathToFileURL(file) : new URL(module, pathToFileURL(file));
      const url = new URL(name!, place);
      t.true(existsSync(url), `${path} names ${name}: there is no ${url.pathname}`);
      named.add(url.pathname);
    }
  }
  t.true(named.size >= 5, [...named].join(' '));
});
