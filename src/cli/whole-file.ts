/** A file that is there whole or not at all: lines go to a file beside it, which takes its name once all are written. */

import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { diskError } from '../ledger/file/storage.js';
import { Printer } from './printer.js';

/** What `write` printed is in `path` once this resolves; where it throws, nothing is left. */
export async function writeWholeFile<T>(path: string, write: (printer: Printer) => Promise<T>): Promise<T> {
  const part = `${path}.${process.pid}.part`;
  const stream = createWriteStream(part, { flags: 'wx' });
  let failure: unknown;
  stream.on('error', (error) => {
    failure = error;
  });
  try {
    const printer = new Printer(stream);
    const result = await write(printer);
    await printer.flush();
    stream.end();
    await finished(stream);
    const file = await open(part, 'r');
    await file.sync();
    await file.close();
    await rename(part, path);
    return result;
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw failure === undefined ? error : diskError(failure, `${path} could not be written`);
  }
}
