/** `audit export`: the history as JSON lines or CSV, and whether an export still says what the ledger says. */

import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { CSV_HEAD, csvOf, filterFrom, filterText, type ExportEnd, type ExportHead } from '../../../audit/export.js';
import { firstDifference, notAnExport, type PlacedLine } from '../../../audit/export-check.js';
import type { Filter } from '../../../audit/filter.js';
import { historyRows } from '../../../audit/history.js';
import type { HistoryRow } from '../../../audit/history-row.js';
import type { EntrySource } from '../../../audit/source.js';
import { LedgerError } from '../../../base/errors.js';
import { diskError } from '../../../ledger/file/storage.js';
import type { Position } from '../../../ledger/port.js';
import type { Act, Context } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import type { Printer } from '../../printer.js';
import { countText } from '../../render/text.js';
import { writeWholeFile } from '../../whole-file.js';
import {
  filterOf,
  rangeOf,
  runAudit,
  usage,
  withSource,
  withFilters,
  withRange,
  type Audit,
  type AuditOptions,
  type FilterOptions,
  type RangeOptions,
} from './session.js';

interface ExportOptions extends AuditOptions, FilterOptions, RangeOptions {
  readonly csv?: boolean;
  readonly output?: string;
  readonly check?: string;
}

interface Part {
  readonly source: EntrySource;
  readonly from: Position;
  readonly to: Position;
}

export function exportCommand(audit: Command, act: Act): void {
  const command = withRange(withFilters(withSource(audit.command('export'))))
    .description('the history by range and filter, with names instead of bytes: JSON lines, or CSV')
    .option('--csv', 'CSV; times in UTC')
    .option('--output <file>', 'into this file, which is there whole or not at all')
    .option('--check <file>', 'holds an export against the ledger; one in CSV with the options that it was made with')
    .addHelpText(
      'after',
      `
The check ends with exit code 6 where the two differ, and names the first event.

Examples:
  nlm-ledger audit export --from 03:00 --to 04:00 --output night.jsonl
  nlm-ledger audit export --client client1 --csv > client1.csv
  nlm-ledger audit export --check night.jsonl --data /mnt/archive`,
    );
  act<ExportOptions>(command, async (options, context) =>
    runAudit(options, context, async (opened) => {
      if (options.check !== undefined) return check(opened, options, resolve(options.check), context);
      const filter = await filterOf(options);
      const parts = await rangeOf(opened, options);
      const write = async (printer: Printer): Promise<number> =>
        writeAll(opened, parts, filter, options.csv === true, printer);
      if (options.output === undefined) await write(opened.printer);
      else {
        const path = resolve(options.output);
        const rows = await writeWholeFile(path, write);
        context.output.note(`${countText(rows, 'row')} in ${path}`);
      }
      return EXIT.done;
    }),
  );
}

async function writeAll(
  audit: Audit,
  parts: readonly Part[],
  filter: Filter,
  csv: boolean,
  printer: Printer,
): Promise<number> {
  let total = 0;
  if (csv) await printer.print(CSV_HEAD);
  for (const { source, from, to } of parts) {
    const { group } = source;
    const head: ExportHead = { export: 1, group, from, to, filter: filterText(filter) };
    if (!csv) await printer.print(JSON.stringify(head));
    let rows = 0;
    for await (const row of rowsOf(audit, { source, from, to }, filter)) {
      rows += 1;
      await printer.print(csv ? csvOf(row) : JSON.stringify(row));
    }
    const end: ExportEnd = { end: 1, group, rows, position: to, hash: (await source.hashAt(to)) ?? '' };
    if (!csv) await printer.print(JSON.stringify(end));
    total += rows;
  }
  return total;
}

async function* rowsOf({ pace }: Audit, { source, from, to }: Part, filter: Filter): AsyncGenerator<HistoryRow> {
  for await (const rows of historyRows(source, { from, to }, filter, pace(source, from - 1, to), true)) yield* rows;
}

async function check(audit: Audit, options: ExportOptions, path: string, context: Context): Promise<number> {
  const lines = linesOf(path);
  const { value: first } = await lines.next();
  if (first === undefined) throw notAnExport(path, 'it is empty');
  const found = first === CSV_HEAD ? await checkCsv(audit, options, lines) : await checkJson(audit, path, first, lines);
  const { rows, difference } = found;
  const { paint } = context.output;
  if (options.json === true) context.output.json(found);
  else if (difference === undefined)
    context.output.lines([`${paint('green', 'the same')}: ${countText(rows, 'row')} of ${path}`]);
  else context.output.lines([`${paint('red', 'not what the ledger says')}: ${difference}`]);
  return difference === undefined ? EXIT.done : EXIT.damaged;
}

interface Checked {
  readonly rows: number;
  readonly difference?: string;
}

/** CSV does not say what was asked: the options must. */
async function checkCsv(audit: Audit, options: ExportOptions, lines: AsyncGenerator<string>): Promise<Checked> {
  if (options.to === undefined) throw usage('CSV does not say how far the export went: give --to, as it was made with');
  const [part, ...others] = await rangeOf(audit, options);
  if (others.length > 0) throw usage('an export in CSV is checked group by group: choose one with --group');
  let rows = 0;
  const filter = await filterOf(options);
  const said = mapped(lines, (line) => {
    rows += 1;
    return placedCsv(line);
  });
  const ledger = part === undefined ? none() : rowsOf(audit, part, filter);
  const difference = await firstDifference(
    mapped(ledger, (row) => ({ ...row, line: csvOf(row) })),
    said,
  );
  return { rows, ...(difference === undefined ? {} : { difference }) };
}

async function* none(): AsyncGenerator<HistoryRow> {}

async function checkJson(audit: Audit, path: string, first: string, lines: AsyncGenerator<string>): Promise<Checked> {
  let rows = 0;
  for (let line: string | undefined = first; line !== undefined; { value: line } = await lines.next()) {
    const head = parsed(path, line) as ExportHead;
    if (head.export !== 1) throw notAnExport(path, `it has ${line.slice(0, 60)} where a part begins`);
    const { group, from, to } = head;
    const source = audit.sources.find((each) => each.group === group);
    if (source === undefined) throw usage(`${path} is of group ${group}, which is not in this ledger`);
    if (to > (await source.head()).position) {
      return { rows, difference: `group ${group}: the ledger ends before position ${to}` };
    }
    const saidEnd: { line?: string } = {};
    const said = mapped(untilEnd(lines, saidEnd), (each) => {
      rows += 1;
      return { ...(parsed(path, each) as HistoryRow), line: each };
    });
    const ours = mapped(rowsOf(audit, { source, from, to }, filterFrom(head.filter)), (row) => ({
      ...row,
      line: JSON.stringify(row),
    }));
    const difference = await firstDifference(ours, said);
    if (difference !== undefined) return { rows, difference: `group ${group}, ${difference}` };
    if (saidEnd.line === undefined) return { rows, difference: `group ${group}: the export has no end` };
    const end = parsed(path, saidEnd.line) as ExportEnd;
    if (end.hash !== (await source.hashAt(to))) {
      return { rows, difference: `group ${group}: the entry at position ${to} has another hash` };
    }
  }
  return { rows };
}

/** Lines up to the one that ends a part, which is put into `end`. */
async function* untilEnd(lines: AsyncGenerator<string>, end: { line?: string }): AsyncGenerator<string> {
  for (;;) {
    const { value: line } = await lines.next();
    if (line === undefined) return;
    if (line.startsWith('{"end":1,')) {
      end.line = line;
      return;
    }
    yield line;
  }
}

async function* mapped<A, B>(items: AsyncIterable<A>, map: (item: A) => B): AsyncGenerator<B> {
  for await (const item of items) yield map(item);
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, 'utf8');
  let failure: unknown;
  input.on('error', (error) => {
    failure = error;
  });
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line;
  } finally {
    input.destroy();
  }
  if (failure !== undefined) throw diskError(failure, `${path} could not be read`);
}

/** What its callers take it for is compared with the ledger's own: what else a line may hold makes a difference there. */
function parsed(path: string, line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new LedgerError('bad-request', `${path} has a line that is no JSON: ${line.slice(0, 60)}`, { cause });
  }
  throw notAnExport(path, `it has ${line.slice(0, 60)}`);
}

function placedCsv(line: string): PlacedLine {
  const [, position, index] = line.split(',', 3);
  return { position: Number(position), index: Number(index), line };
}
