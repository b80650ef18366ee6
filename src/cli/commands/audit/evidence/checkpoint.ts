/** `audit checkpoint`: signs what a ledger is now. */

import type { Command } from 'commander';
import { takeCheckpoint } from '../../../../audit/evidence/take.js';
import { durableHead } from '../../../../ledger/file/raw.js';
import type { Act } from '../../../command.js';
import { EXIT } from '../../../exit-codes.js';
import { runAudit, withAudit, type AuditOptions } from '../session.js';
import { writeNew } from './files.js';
import { signerOf, withSigner, type SignerOptions } from './options.js';
import { oneGroup, readersOf } from './readers.js';

export function checkpointCommand(audit: Command, act: Act): void {
  const checkpoint = withSigner(withAudit(audit.command('checkpoint')))
    .description('signs what the ledger is now, and writes it beside the ledger and to where you keep it')
    .option('--out <file>', 'write it here too')
    .addHelpText(
      'after',
      `
Keep checkpoints where whoever runs the node cannot write: \`audit verify --against\` then shows that nothing before them
was changed, dropped or reordered.

Example:
  nlm-ledger audit checkpoint --seed audit.seed --out /mnt/kept/monday.note`,
    );
  act<AuditOptions & SignerOptions & { out?: string }>(checkpoint, async (options, context) => {
    const { key, origin } = await signerOf(options);
    return runAudit(options, context, async (run) => {
      const readers = await readersOf(run);
      if (options.out !== undefined && readers.length > 1) throw oneGroup(run);
      for (const { source, reader } of readers) {
        const { position } = await durableHead(reader);
        const taken = await takeCheckpoint({ reader, position, origin, key, pace: run.pace(source, 0, position) });
        if (options.out !== undefined) await writeNew(options.out, taken.note);
        if (run.json) await run.printer.print(JSON.stringify({ group: source.group, ...taken }));
        else {
          await run.printer.print(taken.note.trimEnd());
          context.output.note(`written to ${taken.path}${options.out === undefined ? '' : ` and ${options.out}`}`);
        }
      }
      return EXIT.done;
    });
  });
}
