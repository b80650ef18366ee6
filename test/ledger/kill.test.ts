import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { openForReading } from '../../src/ledger/file/reader.js';
import { verify } from '../../src/ledger/file/verify.js';
import { readAll } from './contract.js';
import { smallLedger, temporaryFolder } from './fixture.js';

const KILLS = Number(process.env.NLM_KILLS ?? 10);
const APPENDER = fileURLToPath(new URL('./appender.js', import.meta.url));

/** Runs the appender until it has acknowledged `count` more positions, then kills it; returns the last one. */
async function appendAndKill(data: string, way: string, count: number): Promise<string> {
  const child = spawn(process.execPath, [APPENDER, data, way], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let last = '';
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (++seen === count) child.kill('SIGKILL');
  }
  await exited;
  return last;
}

test('a process killed while it appends: each acknowledged position is there, with its hash', async (t) => {
  t.timeout(30_000 + KILLS * 1_000);
  const data = await temporaryFolder(t);
  for (let kill = 0; kill < KILLS; kill++) {
    const last = await appendAndKill(data, kill % 2 === 0 ? 'main' : 'pool', 1 + ((kill * 37) % 90));
    const [position = '', hash = ''] = last.split(' ');
    const { ledger } = await openFileLedger(smallLedger(data));
    t.true(ledger.head().position >= Number(position), `kill ${kill}: ${last}, head ${ledger.head().position}`);
    const [entry] = await readAll(ledger, Number(position) + 1);
    const found = ledger.head().position === Number(position) ? ledger.head().hash : entry!.previous;
    t.is(Buffer.from(found).toString('hex'), hash);
    await ledger.close();
  }
  const found = await verify(await openForReading({ data, group: 'default' }));
  t.is(found.fault, undefined);
});
