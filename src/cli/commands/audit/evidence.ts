/** `audit verify`, `checkpoint`, `prove`, `consistency`, `check-proof`, `key`: the ledger for somebody who does not trust it. */

import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { archiveSegments } from '../../../audit/evidence/archive.js';
import { checkProof } from '../../../audit/evidence/check.js';
import { compareLedgers } from '../../../audit/evidence/compare.js';
import { ORIGIN, readState } from '../../../audit/evidence/checkpoint.js';
import { newestState, readNote } from '../../../audit/evidence/note-files.js';
import { proveConsistency, proveInclusion, type Proof } from '../../../audit/evidence/prove.js';
import { takeCheckpoint } from '../../../audit/evidence/take.js';
import { verifyEvidence, type Evidence, type Fault } from '../../../audit/evidence/verify.js';
import type { EntrySource } from '../../../audit/source.js';
import { LedgerError } from '../../../base/errors.js';
import { openLedgersIn } from '../../../ledger/file/archive.js';
import { durableHead } from '../../../ledger/file/raw.js';
import type { FileReader } from '../../../ledger/file/reader.js';
import { errorNumber } from '../../../ledger/file/storage.js';
import { newSeed, readSeed } from '../../../signing/nkey.js';
import { readTrustedKey, verifierKey, type TrustedKey } from '../../../signing/note.js';
import { collect, whole, withJson, type Act } from '../../command.js';
import { EXIT, EXIT_OF_FAULT } from '../../exit-codes.js';
import { archivedLine, checkedJson, checkedLines, comparedLines, evidenceLines } from '../../render/evidence.js';
import { runAudit, withAudit, type Audit, type AuditOptions } from './session.js';

interface KeyOptions {
  readonly key?: readonly string[];
}

const DAY_MS = 86_400_000;
const POSITION_MAX = Number.MAX_SAFE_INTEGER;
/** Faults that are listed; all are counted. */
const FAULTS_LISTED = 100;

export function evidenceCommands(audit: Command, act: Act): void {
  verifyCommand(audit, act);
  checkpointCommand(audit, act);
  proveCommands(audit, act);
  checkProofCommand(audit, act);
  archiveCommand(audit, act);
  compareCommand(audit, act);
  keyCommand(audit, act);
}

function verifyCommand(audit: Command, act: Act): void {
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

function checkpointCommand(audit: Command, act: Act): void {
  const checkpoint = withAudit(audit.command('checkpoint'))
    .description('signs what the ledger is now, and writes it beside the ledger and to where you keep it')
    .requiredOption('--seed <file>', 'the seed of the key that signs, as `audit key` makes one')
    .option('--origin <name>', "the nodes' name in checkpoints", 'nlm-ledger')
    .option('--out <file>', 'write it here too')
    .addHelpText(
      'after',
      `
Keep checkpoints where whoever runs the node cannot write: \`audit verify --against\` then shows that nothing before them
was changed, dropped or reordered.

Example:
  nlm-ledger audit checkpoint --seed audit.seed --out /mnt/kept/monday.note`,
    );
  act<AuditOptions & { seed: string; origin: string; out?: string }>(checkpoint, async (options, context) => {
    const key = readSeed(await textOf(options.seed));
    const { origin } = options;
    if (!ORIGIN.test(origin)) throw usage(`--origin ${JSON.stringify(origin)}: a name without spaces and +`);
    return runAudit(options, context, async (run) => {
      const readers = await readersOf(run);
      if (options.out !== undefined && readers.length > 1) throw oneGroup(run);
      for (const { source, reader } of readers) {
        const { position } = await durableHead(reader);
        const taken = await takeCheckpoint({ reader, position, origin, key, pace: run.pace(source, 0, position) });
        if (options.out !== undefined) await writeNew(options.out, taken.note);
        if (run.json) await run.printer.print(JSON.stringify({ group: source.group, ...taken }));
        else {
          await run.printer.print(taken.note.trimEnd());
          context.output.note(`written to ${taken.path}${options.out === undefined ? '' : ` and ${options.out}`}`);
        }
      }
      return EXIT.done;
    });
  });
}

function proveCommands(audit: Command, act: Act): void {
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

function checkProofCommand(audit: Command, act: Act): void {
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

function archiveCommand(audit: Command, act: Act): void {
  const archive = withAudit(audit.command('archive'))
    .description('moves old segments to an archive, once a signed checkpoint vouches for them; nothing is rewritten')
    .requiredOption('--to <dir>', 'the archive: a folder like a data folder')
    .requiredOption('--older-than <days>', 'segments whose last entry is older', whole(0, 36_500))
    .requiredOption('--seed <file>', 'the seed of the key that signs the checkpoint')
    .option('--origin <name>', "the nodes' name in checkpoints", 'nlm-ledger')
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
  act<AuditOptions & { to: string; olderThan: number; seed: string; origin: string; dryRun?: boolean }>(
    archive,
    async (options, context) => {
      const key = readSeed(await textOf(options.seed));
      const { origin } = options;
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

function compareCommand(audit: Command, act: Act): void {
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

function keyCommand(audit: Command, act: Act): void {
  const key = withJson(audit.command('key'))
    .description('makes a key for checkpoints or for signed orders (an nkey), or shows the public one of a seed')
    .option('--out <file>', 'where the new seed goes; it is never printed')
    .option('--seed <file>', 'show the public key of this seed')
    .option('--person', 'a key of a person, for signed orders (U...); else one of a node (N...)')
    .option('--origin <name>', 'for a verifier key of C2SP: ORIGIN/GROUP, as the first line of checkpoints says it')
    .addHelpText(
      'after',
      '\nExamples:\n  nlm-ledger audit key --out audit.seed\n  nlm-ledger audit key --person --out alice.seed',
    );
  act<{ out?: string; seed?: string; person?: boolean; origin?: string; json?: boolean }>(
    key,
    async (options, { output }) => {
      const { out, seed, person, origin } = options;
      if ((out === undefined) === (seed === undefined))
        throw usage('give --out FILE for a new key, or --seed FILE to show its public one');
      const text = seed === undefined ? newSeed(person === true ? 'U' : 'N') : await textOf(seed);
      if (out !== undefined) await writeNew(out, `${text}\n`, 0o600);
      const { publicKey, publicBytes } = readSeed(text);
      const verifier = origin === undefined ? undefined : verifierKey(origin, publicBytes);
      if (options.json === true)
        output.json({ publicKey, ...(verifier === undefined ? {} : { verifierKey: verifier }) });
      else output.lines([publicKey, ...(verifier === undefined ? [] : [verifier])]);
      return EXIT.done;
    },
  );
}

function withKeys(command: Command): Command {
  return command.option(
    '--key <key>',
    'a public key that you trust: an nkey or a C2SP verifier key; repeatable',
    collect,
  );
}

function keysOf({ key }: KeyOptions): TrustedKey[] {
  return (key ?? []).map(readTrustedKey);
}

interface Opened {
  readonly source: EntrySource;
  readonly reader: FileReader;
}

async function readersOf({ sources }: Audit): Promise<Opened[]> {
  return Promise.all(
    sources.map(async (source) => ({ source, reader: (await openLedgersIn(source.place, source.group))[0]! })),
  );
}

async function oneReader(run: Audit): Promise<[Opened]> {
  const [only, ...more] = await readersOf(run);
  if (only === undefined || more.length > 0) throw oneGroup(run);
  return [only];
}

function oneGroup({ sources }: Audit): LedgerError {
  return usage(`there are several groups: choose one with --group (${sources.map(({ group }) => group).join(', ')})`);
}

async function handOut(proof: Proof, out: string | undefined, { printer }: Audit): Promise<void> {
  if (out === undefined) await printer.print(JSON.stringify(proof));
  else await writeNew(out, `${JSON.stringify(proof)}\n`);
}

async function sizeOf(text: string): Promise<number> {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : readState(await textOf(text)).size;
}

const FILE_BYTES_MAX = 64 * 1024 * 1024;

async function textOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(resolve(file));
    if (bytes.length > FILE_BYTES_MAX) throw usage(`${basename(file)} is larger than any proof`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError('bad-request', `${file} cannot be read: ${errorNumber(cause)}`, { cause });
  }
}

/** Nothing that is there is overwritten. */
async function writeNew(file: string, text: string, mode = 0o644): Promise<void> {
  try {
    await writeFile(resolve(file), text, { flag: 'wx', mode });
  } catch (cause) {
    const why = errorNumber(cause) === 'EEXIST' ? 'it is there already, and is not overwritten' : errorNumber(cause);
    throw new LedgerError('bad-request', `${file} cannot be written: ${why}`, { cause });
  }
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

function usage(message: string): LedgerError {
  return new LedgerError('bad-request', message, { details: { next: 'see: nlm-ledger audit --help' } });
}
