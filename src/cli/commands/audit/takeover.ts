/** `audit takeover`: the time line of one takeover over both nodes, as text or as a picture. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { auditTakeover } from '../../../audit/takeover.js';
import { LedgerError } from '../../../base/errors.js';
import { whole, type Act } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { takeoverLines, takeoverSvg } from '../../render/audit-takeover.js';
import { writeWholeFile } from '../../whole-file.js';
import { runAudit, usage, withSource, type AuditOptions } from './session.js';

interface TakeoverOptions extends AuditOptions {
  readonly args: [number?];
  readonly svg?: string;
}

export function takeoverCommand(audit: Command, act: Act): void {
  const command = withSource(audit.command('takeover'))
    .description('the time line of one takeover of a group, over both nodes; without a number the last one')
    .argument('[number]', 'its number', whole(1, Number.MAX_SAFE_INTEGER))
    .option('--svg <file>', 'a picture of it, into this file')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit takeover\n  nlm-ledger audit takeover 3 --group web --svg takeover.svg',
    );
  act<TakeoverOptions>(command, async (options, context) =>
    runAudit(options, context, async ({ sources, printer, json, time, pace }) => {
      const { svg } = options;
      const [number] = options.args;
      if (sources.length > 1 && (svg !== undefined || number !== undefined)) {
        throw usage(
          `each group counts its own takeovers: choose one with --group (${sources.map(({ group }) => group).join(', ')})`,
        );
      }
      let found = 0;
      for (const source of sources) {
        const { position: head } = await source.head();
        const takeover = await auditTakeover(source, number, pace(source, 0, head)).catch((error: unknown) => {
          // Of several groups those that never moved are passed over.
          if (sources.length > 1 && error instanceof LedgerError && error.code === 'not-found') return undefined;
          throw error;
        });
        if (takeover === undefined) continue;
        found += 1;
        if (json) await printer.print(JSON.stringify(takeover));
        else for (const line of takeoverLines(takeover, time, context.output.paint)) await printer.print(line);
        if (svg === undefined) continue;
        const path = resolve(svg);
        await writeWholeFile(path, async (file) => {
          for (const line of takeoverSvg(takeover, time)) await file.print(line);
        });
        context.output.note(`a picture of it is in ${path}`);
      }
      if (found === 0) throw new LedgerError('not-found', 'no group here was ever taken over');
      return EXIT.done;
    }),
  );
}
