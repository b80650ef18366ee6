/** What the tests promise to cover is covered: each number has a test of that title, or says why it needs none. */

import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PITFALLS = 53;
/** Those that one node can meet (the others are tested where there is a cluster). */
const HAZARDS = [1, 2, 3, 4, 5, 6, 7, 9, 13, 17, 18, 19, 23, 24, 25];
const TITLE = /\b(?:[a-z]*[tT]est(?:\.serial)?|oursOnly|testProp)\(\s*(?:'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`)/g;

/** Of every test, what is put in when it runs as a star. */
const TITLES = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .flatMap((path) => [...readFileSync(join('test', path), 'utf8').matchAll(TITLE)])
  .map(([, plain, template = '']) => plain ?? template.replaceAll(/\$\{.*?(?:\}|$)/gs, '*'));

test('each of the 53 pitfalls is covered by tests that there are, or says why it does not apply', (t) => {
  const text = readFileSync('test/protocol/pitfalls.md', 'utf8');
  const entries = [...text.matchAll(/^([0-9]+)\. ([^]*?)(?=^[0-9]+\. |^## |(?![^]))/gm)];
  t.deepEqual(
    entries.map(([, number]) => Number(number)),
    Array.from({ length: PITFALLS }, (_, index) => index + 1),
  );
  const known = new Set(TITLES);
  for (const [, number, entry = ''] of entries) {
    const named = [...entry.matchAll(/^ +- `([^`]+)`$/gm)].map(([, title = '']) => title);
    t.true(named.length > 0 || entry.includes('Does not apply: '), `pitfall ${number}`);
    for (const title of named) t.true(known.has(title), `pitfall ${number}: no test is called: ${title}`);
  }
});

test('each hazard of one node is named by a test of its rule', (t) => {
  for (const number of HAZARDS) {
    const name = new RegExp(`\\bhazard ${number}\\b`);
    t.true(
      TITLES.some((title) => name.test(title)),
      `hazard ${number}`,
    );
  }
});
