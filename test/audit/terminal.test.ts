import { spawn } from 'node:child_process';
import { readFileSync, watch } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { decide } from '../../src/core/decide.js';
import { encodeEvent } from '../../src/core/event-codec.js';
import { evolve } from '../../src/core/evolve.js';
import { initialState } from '../../src/core/state.js';
import { Chain } from '../../src/ledger/chain.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { lock, unlock } from '../support/commands.js';
import { temporaryFolder } from '../support/node.js';

const COMMAND = join(import.meta.dirname, '../../src/main.js');
/** Of so many entries of 256 events an export takes some seconds. */
async function longLedger(t: ExecutionContext, entries: number): Promise<string> {
  const data = await temporaryFolder(t);
  const acquire = async () => ({ release: () => undefined });
  const { ledger } = await openFileLedger({ data, group: 'default', acquire, log: () => undefined });
  const chain = new Chain('default');
  const state = initialState();
  for (let entry = 0; entry < entries; entry += 1) {
    const writer = new MsgpackWriter();
    const time = 1_900_000_000_000 + entry;
    let count = 0;
    for (let i = 0; i < 128; i += 1) {
      for (const command of [lock({ svid: 1, file: `file ${i}` }), unlock({ svid: 1, file: `file ${i}` })]) {
        const at = { position: entry + 1, epoch: 1, time };
        for (const event of decide(state, command, { now: time, mayGrant: true }).events) {
          evolve(state, event, at);
          encodeEvent(writer, event);
          count += 1;
        }
      }
    }
    const events = { count, bytes: writer.take() };
    await ledger.append(chain.seal({ epoch: 1, node: 'a', time, durable: entry, events }));
  }
  await ledger.close();
  return data;
}

/** Resolves once something changes there after which it is so. */
function changed(t: ExecutionContext, path: string, is: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watching = watch(path, () => is() && resolve());
    t.teardown(() => watching.close());
  });
}

test('what takes longer than a second has a bar on the terminal; interrupted, it leaves no file, and the cursor is back', async (t) => {
  const data = await longLedger(t, 800);
  const folder = join(await temporaryFolder(t), 'out');
  await mkdir(folder);
  const output = join(folder, 'all.jsonl');
  const command = `exec ${process.execPath} ${COMMAND} audit export --data ${data} --output ${output}`;
  const pid = join(data, 'pid');
  const typescript = join(data, 'typescript');
  await writeFile(typescript, '');
  const shown = changed(t, typescript, () => /default .*% \|/.test(readFileSync(typescript, 'utf8')));
  // Of bsdutils, which every Debian has: it gives a program a terminal.
  const child = spawn('script', ['-qfe', '-c', `stty cols 80 rows 24; echo $$ > ${pid}; ${command}`, typescript], {
    stdio: 'ignore',
  });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await shown;
  t.true((await readdir(folder)).every((name) => name.endsWith('.part')));
  process.kill(Number(await readFile(pid, 'utf8')), 'SIGINT');
  t.is(await ended, 130);
  t.deepEqual(await readdir(folder), []);
  const text = await readFile(typescript, 'utf8');
  t.regex(text, /\d+ of 800 entries/);
  t.true(text.lastIndexOf('\u001B[?25h') > text.lastIndexOf('\u001B[?25l'), 'the cursor is shown again');
});
