import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { nlm } from '../support/in-process.js';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

for (const document of DOCUMENTS) {
  test(`every file that ${document} points to is there`, async (t) => {
    const text = await readFile(document, 'utf8');
    for (const [, path = ''] of text.matchAll(/\]\(([^)#:]+)\)/g)) t.true(existsSync(path), path);
    t.pass();
  });
}

test('README.md has the exit codes of the command line', async (t) => {
  const rows = (await readFile('README.md', 'utf8'))
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, 3)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  t.deepEqual(
    rows,
    EXIT_CODES.map((row) => [...row]),
  );
});

test('every command in README.md is one that the command line has', async (t) => {
  const text = await readFile('README.md', 'utf8');
  const commands = new Set(Array.from(text.matchAll(/nlm-ledger ([a-z-]+)/g), ([, command = '']) => command));
  t.true(commands.size > 5);
  for (const command of commands) t.is((await nlm(command, '--help')).code, 0, command);
});
