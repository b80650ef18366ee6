/** `audit key`: the keys of nodes and of people. */

import type { Command } from 'commander';
import { newSeed, readSeed } from '../../../../signing/nkey.js';
import { verifierKey } from '../../../../signing/note.js';
import { withJson, type Act } from '../../../command.js';
import { EXIT } from '../../../exit-codes.js';
import { usage } from '../session.js';
import { textOf, writeNew } from './files.js';

export function keyCommand(audit: Command, act: Act): void {
  const key = withJson(audit.command('key'))
    .description('makes a key for checkpoints or for signed orders (an nkey), or shows the public one of a seed')
    .option('--out <file>', 'where the new seed goes; it is never printed')
    .option('--seed <file>', 'show the public key of this seed')
    .option('--person', 'a key of a person, for signed orders (U...); else one of a node (N...)')
    .option('--origin <name>', 'for a verifier key of C2SP: ORIGIN/GROUP, as the first line of checkpoints says it')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit key --out audit.seed\n  nlm-ledger audit key --person --out alice.seed',
    );
  act<{ out?: string; seed?: string; person?: boolean; origin?: string; json?: boolean }>(
    key,
    async (options, { output }) => {
      const { out, seed, person, origin } = options;
      if ((out === undefined) === (seed === undefined))
        throw usage('give --out FILE for a new key, or --seed FILE to show its public one');
      const text = seed === undefined ? newSeed(person === true ? 'U' : 'N') : await textOf(seed);
      if (out !== undefined) await writeNew(out, `${text}\n`, 0o600);
      const { publicKey, publicBytes } = readSeed(text);
      const verifier = origin === undefined ? undefined : verifierKey(origin, publicBytes);
      if (options.json === true)
        output.json({ publicKey, ...(verifier === undefined ? {} : { verifierKey: verifier }) });
      else output.lines([publicKey, ...(verifier === undefined ? [] : [verifier])]);
      return EXIT.done;
    },
  );
}
