/** `audit verify`: every byte and every rule of a ledger. */

import type { Command } from 'commander';
import { readState } from '../../../../audit/evidence/checkpoint.js';
import { verifyEvidence, type Evidence, type Fault } from '../../../../audit/evidence/verify.js';
import { collect, type Act } from '../../../command.js';
import { EXIT, EXIT_OF_FAULT } from '../../../exit-codes.js';
import { evidenceLines } from '../../../render/evidence.js';
import { runAudit, withAudit, type AuditOptions } from '../session.js';
import { textOf } from './files.js';
import { keysOf, withKeys, type KeyOptions } from './options.js';
import { readersOf } from './readers.js';

/** Faults that are listed; all are counted. */
const FAULTS_LISTED = 100;

export function verifyCommand(audit: Command, act: Act): void {
  const verify = withKeys(withAudit(audit.command('verify')))
    .description(
      'every byte of the folder: checksums, hash chain, rules, checkpoints; exit codes 30 to 37 say what is wrong',
    )
    .option(
      '--against <file>',
      'a signed checkpoint that was kept elsewhere: shows a cut tail and a fork; repeatable',
      collect,
    )
    .option('--past-damage', 'go on behind what is damaged')
    .option('--running', 'a node is writing there: do not judge the end of the last segment (so without --data)')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit verify\n  nlm-ledger audit verify --data /mnt/archive --against kept.note --key NABC...',
    );
  act<AuditOptions & KeyOptions & { against?: string[]; pastDamage?: boolean; running?: boolean }>(
    verify,
    async (options, context) => {
      const against = await Promise.all(
        (options.against ?? []).map(async (file) => ({ name: file, note: await textOf(file) })),
      );
      const keys = keysOf(options);
      return runAudit(options, context, async (run) => {
        let exit: number = EXIT.done;
        for (const { source, reader } of await readersOf(run)) {
          const faults: Fault[] = [];
          const head = await source.head().catch(() => ({ position: 0 }));
          const evidence = await verifyEvidence(reader, {
            running: options.running === true || options.data === undefined,
            pastDamage: options.pastDamage === true,
            against: against.filter(
              ({ note }) => run.sources.length === 1 || readState(note).origin.endsWith(`/${source.group}`),
            ),
            keys,
            onFault: (fault) => {
              if (exit === EXIT.done) exit = EXIT_OF_FAULT[fault.kind];
              if (faults.length < FAULTS_LISTED) faults.push(fault);
            },
            pace: run.pace(source, 0, head.position),
          });
          if (run.json) await run.printer.print(JSON.stringify(evidenceJson(evidence, faults)));
          else for (const line of evidenceLines(evidence, faults, context.output.paint)) await run.printer.print(line);
        }
        return exit;
      });
    },
  );
}

function evidenceJson(evidence: Evidence, faults: readonly Fault[]): object {
  const { head, root, faults: faultCount, ...rest } = evidence;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    ...rest,
    head: { ...head, hash: hex(head.hash) },
    ...(root === undefined ? {} : { root: hex(root) }),
    faultCount,
    faults,
  };
}
