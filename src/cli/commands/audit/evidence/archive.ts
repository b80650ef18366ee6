/** `audit archive` and `compare`: old segments go elsewhere, and what stands in several places is held against each other. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { archiveSegments } from '../../../../audit/evidence/archive.js';
import { compareLedgers } from '../../../../audit/evidence/compare.js';
import { openLedgersIn } from '../../../../ledger/file/archive.js';
import { whole, withJson, type Act } from '../../../command.js';
import { EXIT, EXIT_OF_FAULT } from '../../../exit-codes.js';
import { archivedLine, comparedLines } from '../../../render/evidence.js';
import { runAudit, withAudit, usage, type AuditOptions } from '../session.js';
import { signerOf, withSigner, type SignerOptions } from './options.js';
import { readersOf } from './readers.js';

const DAY_MS = 86_400_000;

export function archiveCommand(audit: Command, act: Act): void {
  const archive = withSigner(withAudit(audit.command('archive')))
    .description('moves old segments to an archive, once a signed checkpoint vouches for them; nothing is rewritten')
    .requiredOption('--to <dir>', 'the archive: a folder like a data folder')
    .requiredOption('--older-than <days>', 'segments whose last entry is older', whole(0, 36_500))
    .option('--dry-run', 'say what would go')
    .addHelpText(
      'after',
      `
What is kept begins at that checkpoint: the node starts from it, and \`audit verify\` says from where it vouches. What
goes, and the copy of it, are verified before anything is removed. Every audit command reads the archive: --data DIR.
A running node goes on.

Example:
  nlm-ledger audit archive --to /mnt/archive --older-than 365 --seed audit.seed`,
    );
  act<AuditOptions & SignerOptions & { to: string; olderThan: number; dryRun?: boolean }>(
    archive,
    async (options, context) => {
      const { key, origin } = await signerOf(options);
      return runAudit(options, context, async (run) => {
        for (const { source, reader } of await readersOf(run)) {
          const archived = await archiveSegments({
            reader,
            to: resolve(options.to),
            before: context.now() - options.olderThan * DAY_MS,
            origin,
            key,
            dryRun: options.dryRun === true,
            pace: run.pace(source, 0, (await source.head()).position),
          });
          if (run.json) await run.printer.print(JSON.stringify(archived));
          else await run.printer.print(archivedLine(archived, options.dryRun === true));
        }
        return EXIT.done;
      });
    },
  );
}

export function compareCommand(audit: Command, act: Act): void {
  const compare = withJson(audit.command('compare <dirs...>'))
    .description('holds the ledgers of several nodes, or a node and its archive, against each other, entry by entry')
    .option('--group <name>', 'this service group alone')
    .addHelpText('after', '\nExample:\n  nlm-ledger audit compare /mnt/node-a /mnt/node-b');
  act<{ args: [string[]]; group?: string; json?: boolean }>(compare, async (options, { output }) => {
    const [[first, ...others]] = options.args;
    if (first === undefined || others.length === 0) throw usage('give two folders or more');
    let exit: number = EXIT.done;
    for (const a of await openLedgersIn(resolve(first), options.group)) {
      for (const other of others) {
        const [b] = await openLedgersIn(resolve(other), a.group);
        const compared = await compareLedgers(a, b!);
        if (compared.differs !== undefined) exit = EXIT_OF_FAULT.fork;
        if (options.json === true) output.json(compared);
        else output.lines(comparedLines(compared, output.paint));
      }
    }
    return exit;
  });
}
