/**
 * The whole story on one machine: two servers, a NATS server, clients, and addresses that move.
 *
 *   npm run demo [-- --keep]
 */

import { parseArgs } from 'node:util';
import { painter } from '../../src/cli/output.js';
import { HOW_TO_INSTALL, NatsServer } from '../nats/server.js';
import { Narrator, timeText } from './narrator.js';
import { Stage } from './stage.js';
import { tell } from './story.js';

/** It takes well under a minute, and several on a machine that is busy with something else. */
const STORY_MS_MAX = 300_000;
const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const ending = new AbortController();
/** The exit code of the signal that ended it. */
const interrupted = new Promise<number>((resolve) => {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      ending.abort();
      resolve(EXIT_BY_SIGNAL[signal]);
    });
  }
});

/** Resolves with the exit code, once nothing is left. */
async function main(keep: boolean): Promise<number> {
  const began = performance.now();
  const paint = painter(process.stdout, process.env);
  const narrator = new Narrator(process.stdout, paint);
  const stage = await Stage.open(ending.signal);
  let code = 1;
  try {
    const told = tell(stage, narrator).then(() => 0);
    code = await Promise.race([told, interrupted, tooLong()]);
    // An interrupted story fails at its next step, which is nobody's concern.
    told.catch(() => undefined);
  } catch (error) {
    code = ending.signal.aborted ? await interrupted : 1;
    const why = error instanceof Error ? error.message : String(error);
    if (code === 1) console.error(paint('red', `\nThe demo FAILED: ${why}`));
  } finally {
    ending.abort();
    narrator.mute();
    await stage.clear(keep);
  }
  if (code === 0)
    console.log(
      `\nAll of it as it should be, in${timeText(performance.now() - began)
        .trimStart()
        .padStart(7)}.`,
    );
  else if (code !== 1) console.error('\ninterrupted');
  const kept = `The ledgers and the configurations of the nodes are in ${stage.folder}`;
  console.log(
    keep ? kept : 'Every process is ended, every file removed. With `npm run demo -- --keep` the ledgers stay.',
  );
  return code;
}

function tooLong(): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`it did not end within ${STORY_MS_MAX} ms`)), STORY_MS_MAX);
  });
}

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
if (NatsServer.isInstalled) {
  // The story that was interrupted may still wait for something: it is not waited for.
  process.exit(await main(values.keep));
} else {
  console.error(`The demo needs a real NATS server, and ${HOW_TO_INSTALL}.`);
  console.error('As root on Debian, `node dist/ops/nats/server.js --install` does that. Then: npm run demo');
  process.exitCode = 1;
}
