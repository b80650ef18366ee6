/** `audit purge`: one purge, by its position or its command id. */

import type { Command } from 'commander';
import { entryAt } from '../../../audit/at.js';
import { auditPurge, findPurge } from '../../../audit/purge.js';
import type { EntrySource } from '../../../audit/source.js';
import { LedgerError } from '../../../base/errors.js';
import type { Position } from '../../../ledger/port.js';
import { whole, type Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { JsonPurge, TextPurge } from '../../render/audit-purge.js';
import { checkOneGroup, runAudit, withSource, type Audit, type AuditOptions } from './session.js';

interface PurgeOptions extends AuditOptions {
  readonly args: [string];
  readonly limit: number;
  readonly all?: boolean;
  readonly within: number;
}

const SECOND_MS = 1000;

export function purgeCommand(audit: Command, act: Act): void {
  const purge = withSource(audit.command('purge <purge>'))
    .description('who ordered a purge (POSITION or COMMAND-ID), why, what it dropped, who was let in, who came back')
    .option('--limit <n>', 'rows of each list at most', whole(1, 1_000_000), 100)
    .option('--all', 'all rows')
    .option(
      '--within <seconds>',
      'how long after it to look for who was let in or came back',
      whole(0, 31_536_000),
      3600,
    )
    .addHelpText('after', '\nExamples:\n  nlm-ledger audit purge move-17\n  nlm-ledger audit purge 812 --all --json');
  act<PurgeOptions>(purge, async (options, context) =>
    runAudit(options, context, async (audit) => {
      const { printer, json, time, pace } = audit;
      for (const { source, position } of await locate(audit, options.args[0])) {
        const begun = (await entryAt(source, position))?.time ?? 0;
        const until = Math.max(position, await source.positionAt(begun + options.within * SECOND_MS));
        const limit = options.all === true ? Number.POSITIVE_INFINITY : options.limit;
        const add = (line: string): void => printer.add(line);
        const view = json
          ? new JsonPurge(add, limit)
          : new TextPurge(add, { limit, time, within: options.within, paint: context.output.paint });
        await auditPurge(source, position, until, view, pace(source, position, until));
        view.end();
        await printer.flush();
      }
      return EXIT.done;
    }),
  );
}

async function locate(
  audit: Audit,
  text: string,
): Promise<{ readonly source: EntrySource; readonly position: Position }[]> {
  const { sources, moment, pace } = audit;
  if (/^\d{1,15}$/.test(text)) {
    checkOneGroup(sources, [moment(text)]);
    return sources.map((source) => ({ source, position: Number(text) }));
  }
  const found: { source: EntrySource; position: Position }[] = [];
  for (const source of sources) {
    const { position: head } = await source.head();
    const position = await findPurge(source, text, pace(source, (await source.first()) - 1, head));
    if (position !== undefined) found.push({ source, position });
  }
  if (found.length > 0) return found;
  throw new LedgerError('not-found', `no purge has the command id ${JSON.stringify(text)}`, {
    details: { next: 'find the purges: nlm-ledger audit history --lost' },
  });
}
