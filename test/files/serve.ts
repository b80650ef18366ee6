/** A program that serves control files: `serve DIRECTORY LOCKS [close|exit|throw|unload]`. Says `ready`, then obeys lines. */

import { createInterface } from 'node:readline';
import { LedgerError } from '../../src/base/errors.js';
import { openControlFiles } from '../../src/doors/files/door.js';
import { FakeAdmin } from './fake-admin.js';

const [directory = '', locks = '0'] = process.argv.slice(2);
const log = { error: say, warn: say };

function say(details: object, message: string): void {
  process.stderr.write(`${message} ${JSON.stringify(details)}\n`);
}

try {
  const files = await openControlFiles({ directory, admin: new FakeAdmin(Number(locks)).call, log });
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'memory') process.stdout.write(`${process.resourceUsage().maxRSS}\n`);
    if (line === 'exit') process.exit(7);
    if (line === 'throw') setImmediate(() => fail());
    if (line === 'close') break;
  }
  process.stdin.destroy();
  await files.close();
  process.stdout.write('closed\n');
} catch (error) {
  if (!(error instanceof LedgerError)) throw error;
  process.stdout.write(`${error.code}\n`);
}

function fail(): never {
  throw new Error('an invariant is broken');
}
