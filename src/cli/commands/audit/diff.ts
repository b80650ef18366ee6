/** `audit diff`: what changed between two moments. */

import type { Command } from 'commander';
import { entryAt, headOf } from '../../../audit/at.js';
import { diff, type DiffRow } from '../../../audit/diff.js';
import { stateAt } from '../../../audit/fold.js';
import { positionOf } from '../../../audit/moment.js';
import { whole, type Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { stateHeadLines } from '../../render/audit-at.js';
import { diffLine } from '../../render/audit-diff.js';
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

interface DiffOptions extends AuditOptions, FilterOptions {
  readonly args: [string, string];
  readonly limit: number;
  readonly all?: boolean;
}

export function diffCommand(audit: Command, act: Act): void {
  const command = withFilters(withSource(audit.command('diff <a> <b>')))
    .description('what is held, shared or waited for at one TIME or POSITION and not at the other')
    .option('--limit <n>', 'rows at most', whole(1, 1_000_000), 1000)
    .option('--all', 'all rows')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit diff 03:00 04:00\n  nlm-ledger audit diff 811 812 --address 10.1.1.2',
    );
  act<DiffOptions>(command, async (options, context) =>
    runAudit(options, context, async ({ sources, printer, json, time, moment, pace, check }) => {
      const [a, b] = options.args.map((text) => moment(text)) as [ReturnType<typeof moment>, ReturnType<typeof moment>];
      const filter = await filterOf(options);
      checkOneGroup(sources, [a, b]);
      const limit = options.all === true ? Number.POSITIVE_INFINITY : options.limit;
      for (const source of sources) {
        const stand = async (when: typeof a) => {
          const position = await positionOf(source, when);
          const state = await stateAt(source, position, pace(source, 0, position));
          return { state, head: headOf(state, source.group, position, await entryAt(source, position)) };
        };
        const before = await stand(a);
        const after = await stand(b);
        const rows = diff(before.state, after.state, filter);
        if (json) {
          await jsonWithRows(
            printer,
            { group: source.group, before: before.head, after: after.head },
            rows,
            limit,
            check,
          );
          continue;
        }
        for (const { head } of [before, after]) {
          for (const line of stateHeadLines(head, time, context.output.paint)) await printer.print(line);
        }
        const shown = await printRows(rows, limit, check, (row) => printer.print(diffLine(row, context.output.paint)));
        if (shown === 0) await printer.print('nothing changed');
        if (shown > limit) context.output.note(`there are more than these ${limit}: --all, or --limit N`);
      }
      return EXIT.done;
    }),
  );
}

/** Resolves with the number of rows, one more than the limit where there are more. */
async function printRows(
  rows: AsyncIterable<DiffRow>,
  limit: number,
  check: () => void,
  print: (row: DiffRow) => Promise<void>,
): Promise<number> {
  let shown = 0;
  for await (const row of rows) {
    check();
    shown += 1;
    if (shown > limit) break;
    await print(row);
  }
  return shown;
}
