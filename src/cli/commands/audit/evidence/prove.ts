/** `audit prove`, `consistency` and `check-proof`: what convinces somebody who has a checkpoint alone. */

import type { Command } from 'commander';
import { checkProof } from '../../../../audit/evidence/check.js';
import { readState } from '../../../../audit/evidence/checkpoint.js';
import { newestState, readNote } from '../../../../audit/evidence/note-files.js';
import { proveConsistency, proveInclusion, type Proof } from '../../../../audit/evidence/prove.js';
import { LedgerError } from '../../../../base/errors.js';
import { collect, whole, withJson, type Act } from '../../../command.js';
import { EXIT, EXIT_OF_FAULT } from '../../../exit-codes.js';
import { checkedJson, checkedLines } from '../../../render/evidence.js';
import { runAudit, withAudit, usage, type Audit, type AuditOptions } from '../session.js';
import { textOf, writeNew } from './files.js';
import { keysOf, withKeys, type KeyOptions } from './options.js';
import { oneReader } from './readers.js';

const POSITION_MAX = Number.MAX_SAFE_INTEGER;

export function proveCommands(audit: Command, act: Act): void {
  const prove = withAudit(audit.command('prove'))
    .argument('<position>', 'of the entry', whole(1, POSITION_MAX))
    .description('a proof, for somebody with a checkpoint alone, that an entry is in the ledger')
    .option('--checkpoint <file>', 'the checkpoint that they have; else the newest one beside the ledger')
    .option('--out <file>', 'write the proof here, and the checkpoint beside it (.note)')
    .addHelpText(
      'after',
      '\nExample, and what the other one then runs:\n  nlm-ledger audit prove 812 --out purge.proof\n  nlm-ledger audit check-proof purge.proof --checkpoint kept.note --key NABC...',
    );
  act<AuditOptions & { args: [number]; checkpoint?: string; out?: string }>(prove, async (options, context) => {
    const kept = options.checkpoint === undefined ? undefined : await textOf(options.checkpoint);
    return runAudit(options, context, async (run) => {
      const [{ source, reader }] = await oneReader(run);
      const size = kept === undefined ? ((await newestState(reader, POSITION_MAX))?.size ?? 0) : readState(kept).size;
      if (size === 0) throw noCheckpoint(source.group);
      const proof = await proveInclusion(reader, options.args[0], size, run.pace(source, 0, size));
      await handOut(proof, options.out, run);
      if (options.out !== undefined) {
        const note = kept ?? (await readNote(reader, size));
        await writeNew(`${options.out}.note`, note);
        context.output.note(`written: ${options.out}, and the checkpoint that it is for: ${options.out}.note`);
      }
      return EXIT.done;
    });
  });

  const consistency = withAudit(audit.command('consistency <first> <second>'))
    .description("a proof that one checkpoint's ledger is the beginning of another's; each a file or a position")
    .option('--out <file>', 'write the proof here')
    .addHelpText('after', '\nExample:\n  nlm-ledger audit consistency monday.note tuesday.note --out week.proof');
  act<AuditOptions & { args: [string, string]; out?: string }>(consistency, async (options, context) => {
    const [first, second] = await Promise.all(options.args.map(sizeOf));
    return runAudit(options, context, async (run) => {
      const [{ source, reader }] = await oneReader(run);
      const proof = await proveConsistency(reader, first!, second!, run.pace(source, 0, second!));
      await handOut(proof, options.out, run);
      return EXIT.done;
    });
  });
}

export function checkProofCommand(audit: Command, act: Act): void {
  const check = withKeys(withJson(audit.command('check-proof <file>')))
    .description('checks a proof against checkpoints that you kept; needs no ledger and no node')
    .requiredOption(
      '--checkpoint <file>',
      'the signed checkpoint; for a consistency proof two, the older one first',
      collect,
    )
    .addHelpText(
      'after',
      '\nExample:\n  nlm-ledger audit check-proof purge.proof --checkpoint kept.note --key NABC...',
    );
  act<KeyOptions & { args: [string]; checkpoint: string[]; json?: boolean }>(check, async (options, { output }) => {
    const keys = keysOf(options);
    if (keys.length === 0)
      throw usage('say which key you trust: --key KEY, as `audit key` printed it on the other side');
    const notes = await Promise.all(options.checkpoint.map(textOf));
    const checked = checkProof(await textOf(options.args[0]), notes, keys);
    if (options.json === true) output.lines([checkedJson(checked)]);
    else output.lines(checkedLines(checked, output.paint));
    return checked.holds ? EXIT.done : EXIT_OF_FAULT.fork;
  });
}

async function handOut(proof: Proof, out: string | undefined, { printer }: Audit): Promise<void> {
  if (out === undefined) await printer.print(JSON.stringify(proof));
  else await writeNew(out, `${JSON.stringify(proof)}\n`);
}

async function sizeOf(text: string): Promise<number> {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : readState(await textOf(text)).size;
}

function noCheckpoint(group: string): LedgerError {
  return new LedgerError(
    'not-found',
    `group ${group} has no signed checkpoint yet: nlm-ledger audit checkpoint --seed FILE`,
    {
      details: { next: 'make a key: nlm-ledger audit key --out audit.seed; or configure audit.keySeed' },
    },
  );
}
