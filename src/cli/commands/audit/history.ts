/** `audit history`: everything that happened to a file, a client, an owner, an address. */

import type { Command } from 'commander';
import { historyRows } from '../../../audit/history.js';
import { isLoss } from '../../../audit/history-row.js';
import type { Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { historyLine } from '../../render/audit-history.js';
import {
  filterOf,
  rangeOf,
  runAudit,
  withSource,
  withFilters,
  withRange,
  type AuditOptions,
  type FilterOptions,
  type RangeOptions,
} from './session.js';

interface HistoryOptions extends AuditOptions, FilterOptions, RangeOptions {
  readonly lost?: boolean;
}

export function historyCommand(audit: Command, act: Act): void {
  const history = withRange(withFilters(withSource(audit.command('history'))))
    .description('everything that happened to a file, a client, an owner, an address: grants, waits, losses and why')
    .option('--lost', 'only what was lost otherwise than by its owner: who broke this lock, and why')
    .addHelpText(
      'after',
      `
With --json one object a line.

Examples:
  nlm-ledger audit history --file demo --lost
  nlm-ledger audit history --client client1 --from 03:00 --to 04:00
  nlm-ledger audit history --path /srv/data/mail/inbox --json`,
    );
  act<HistoryOptions>(history, async (options, context) =>
    runAudit(options, context, async (audit) => {
      const { printer, json, time, pace } = audit;
      const filter = await filterOf(options);
      let shown = 0;
      for (const { source, from, to } of await rangeOf(audit, options)) {
        for await (const rows of historyRows(source, { from, to }, filter, pace(source, from - 1, to))) {
          for (const row of rows) {
            if (options.lost === true && !isLoss(row)) continue;
            shown += 1;
            await printer.print(json ? JSON.stringify(row) : historyLine(row, time, context.output.paint));
          }
        }
      }
      if (shown === 0 && !json)
        await printer.print(options.lost === true ? 'nothing was lost' : 'nothing happened to it');
      return EXIT.done;
    }),
  );
}
