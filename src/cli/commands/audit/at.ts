/** `audit at`: who held, shared and waited for what at a time or position. */

import type { Command } from 'commander';
import { entryAt, headOf, rowsOf, type RowAt } from '../../../audit/at.js';
import { stateAt } from '../../../audit/fold.js';
import { positionOf } from '../../../audit/moment.js';
import { whole, type Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { rowAtLines, stateHeadLines } from '../../render/audit-at.js';
import { jsonWithRows } from './json.js';
import {
  checkOneGroup,
  filterOf,
  runAudit,
  withSource,
  withFilters,
  type AuditOptions,
  type FilterOptions,
} from './session.js';

interface AtOptions extends AuditOptions, FilterOptions {
  readonly args: [string];
  readonly limit: number;
  readonly all?: boolean;
}

/** Rows that one table is laid out for. */
const TABLE_ROWS = 1000;

export function atCommand(audit: Command, act: Act): void {
  const at = withFilters(withSource(audit.command('at <moment>')))
    .description('who held, shared and waited for what at a TIME or POSITION')
    .option('--limit <n>', 'rows at most', whole(1, 1_000_000), 100)
    .option('--all', 'all rows')
    .addHelpText(
      'after',
      `
Examples:
  nlm-ledger audit at 03:12
  nlm-ledger audit at "2h ago" --client client1
  nlm-ledger audit at 812 --data /mnt/archive --json`,
    );
  act<AtOptions>(at, async (options, context) =>
    runAudit(options, context, async ({ sources, printer, json, time, moment, pace, check }) => {
      const when = moment(options.args[0]);
      const filter = await filterOf(options);
      checkOneGroup(sources, [when]);
      for (const source of sources) {
        const position = await positionOf(source, when);
        const state = await stateAt(source, position, pace(source, 0, position));
        const head = headOf(state, source.group, position, await entryAt(source, position));
        const asked = when.type === 'time' ? when.time : head.time;
        const rows = rowsOf(state, source.group, asked ?? 0, filter);
        const limit = options.all === true ? Number.POSITIVE_INFINITY : options.limit;
        if (json) {
          await jsonWithRows(printer, head, rows, limit, check);
          continue;
        }
        for (const line of stateHeadLines(head, time, context.output.paint)) await printer.print(line);
        const { shown, more } = await printTables(rows, limit, async (table, first) => {
          check();
          for (const line of rowAtLines(table, first, asked ?? 0, context.output.paint)) await printer.print(line);
          await printer.flush();
        });
        if (shown === 0) await printer.print('nothing was held, shared or waited for');
        if (more) context.output.note(`there are more than these ${shown}: --all, or --limit N`);
      }
      return EXIT.done;
    }),
  );
}

async function printTables(
  rows: AsyncIterable<RowAt>,
  limit: number,
  print: (table: readonly RowAt[], first: boolean) => Promise<void>,
): Promise<{ readonly shown: number; readonly more: boolean }> {
  let table: RowAt[] = [];
  let shown = 0;
  let more = false;
  for await (const row of rows) {
    if (shown >= limit) {
      more = true;
      break;
    }
    table.push(row);
    shown += 1;
    if (table.length < TABLE_ROWS) continue;
    await print(table, shown === TABLE_ROWS);
    table = [];
  }
  if (table.length > 0) await print(table, shown === table.length);
  return { shown, more };
}
