/** `audit contention`: who waited most, who held longest, who waits for whom. */

import type { Command } from 'commander';
import { contention, type Contention } from '../../../audit/contention.js';
import { whole, type Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { contentionLines, dotLines, mermaidLines } from '../../render/audit-contention.js';
import {
  filterOf,
  rangeOf,
  runAudit,
  usage,
  withSource,
  withFilters,
  withRange,
  type AuditOptions,
  type FilterOptions,
  type RangeOptions,
} from './session.js';

interface ContentionOptions extends AuditOptions, FilterOptions, RangeOptions {
  readonly limit: number;
  readonly dot?: boolean;
  readonly mermaid?: boolean;
}

export function contentionCommand(audit: Command, act: Act): void {
  const command = withRange(withFilters(withSource(audit.command('contention'))))
    .description('files and owners that waited most, the longest holders, and who waits for whom at the end')
    .option('--limit <n>', 'rows of each list', whole(1, 1000), 10)
    .option('--dot', 'the wait-for graph alone, for Graphviz')
    .option('--mermaid', 'the wait-for graph alone, for a page in Markdown')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit contention --from "1h ago"\n  nlm-ledger audit contention --dot | dot -Tsvg > waits.svg',
    );
  act<ContentionOptions>(command, async (options, context) =>
    runAudit(options, context, async (audit) => {
      const { dot, mermaid, limit } = options;
      if (dot === true && mermaid === true) throw usage('give --dot or --mermaid, not both');
      const filter = await filterOf(options);
      const all: Contention[] = [];
      for (const { source, from, to } of await rangeOf(audit, options)) {
        all.push(await contention(source, { from, to }, filter, limit, audit.pace(source, from - 1, to)));
      }
      if (audit.json) for (const found of all) await audit.printer.print(JSON.stringify(found));
      else context.output.lines(linesOf(all, options, context.output.paint));
      return EXIT.done;
    }),
  );
}

function linesOf(
  all: readonly Contention[],
  { dot, mermaid }: ContentionOptions,
  paint: Parameters<typeof contentionLines>[1],
): string[] {
  if (dot === true) return dotLines(all);
  return mermaid === true ? mermaidLines(all) : all.flatMap((found) => contentionLines(found, paint));
}
