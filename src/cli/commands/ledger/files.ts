/** `ledger …`: the files of the ledger themselves. All but `restore` work beside a running node; none needs one. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LedgerError } from '../../../base/errors.js';
import type { EncodedEvents } from '../../../core/encoded-events.js';
import { decodeEvents } from '../../../core/event-codec.js';
import type { Event } from '../../../core/event.js';
import { defaultDataFolder } from '../../../host/paths.js';
import { backup as backupLedger, restore as restoreLedger } from '../../../ledger/file/backup.js';
import { dump as dumpLedger } from '../../../ledger/file/dump.js';
import { openForReading } from '../../../ledger/file/reader.js';
import { ledgerStat } from '../../../ledger/file/stat.js';
import { verify as verifyLedger } from '../../../ledger/file/verify.js';
import { withJson, withNats, whole, type Act, type ClusterOptions, type Context } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { copiedLines, generationLines, hashText, statLines, verificationLines } from '../../render/ledger.js';

interface LedgerOptions {
  readonly data?: string;
  readonly group: string;
  readonly json?: boolean;
}

const POSITION_MAX = Number.MAX_SAFE_INTEGER;

export function fileCommands(ledger: Command, act: Act): void {
  const stat = withData(ledger.command('stat')).description('size, growth a day, limits');
  act<LedgerOptions>(stat, async (options, context) => {
    const data = dataOf(options, context);
    const found = await ledgerStat(await openForReading({ data, group: options.group }), data);
    return print(found, options, context, () => statLines(found));
  });

  const verify = withData(ledger.command('verify'))
    .description('reads every byte: checksums, hash chain, marks; exit code 6 where something is not as it was written')
    .option('--stopped', 'no node is running: judge the end of the last segment too');
  act<LedgerOptions & { stopped?: boolean }>(verify, async (options, context) => {
    const reader = await openForReading({ data: dataOf(options, context), group: options.group });
    const found = await verifyLedger(reader, { running: options.stopped !== true });
    const json = { ...found, head: { ...found.head, hash: hashText(found.head.hash) } };
    print(json, options, context, () => verificationLines(found, context.output.paint));
    return found.fault === undefined ? EXIT.done : EXIT.damaged;
  });

  const dump = withData(ledger.command('dump'))
    .description('prints entries as JSON, one a line')
    .option('--from <position>', 'the first', whole(1, POSITION_MAX), 1)
    .option('--to <position>', 'the last', whole(1, POSITION_MAX))
    .addHelpText('after', '\nExample:\n  nlm-ledger ledger dump --from 800 | jq -c ".events[]"');
  act<LedgerOptions & { from: number; to?: number }>(dump, async (options, context) => {
    const reader = await openForReading({ data: dataOf(options, context), group: options.group });
    const { from, to } = options;
    const decode = (encoded: EncodedEvents): readonly Event[] => {
      const events: Event[] = [];
      decodeEvents(encoded, (event) => events.push(event));
      return events;
    };
    for await (const line of dumpLedger(reader, { from, ...(to === undefined ? {} : { upTo: to }), decode })) {
      context.output.lines([line]);
    }
    return EXIT.done;
  });

  const backup = withData(ledger.command('backup <folder>'))
    .description('copies the ledger into an empty folder, and verifies the copy; a running node goes on')
    .addHelpText('after', '\nExample:\n  nlm-ledger ledger backup /backup/nlm-$(date +%F)');
  act<LedgerOptions & { args: [string] }>(backup, async (options, context) => {
    const target = resolve(options.args[0]);
    const groups = await backupLedger({ data: dataOf(options, context), target, now: context.now() });
    return print({ target, groups }, options, context, () => copiedLines('backed up', groups, target));
  });

  const restore = withData(ledger.command('restore <folder>'))
    .description('fills an empty data folder from a backup')
    .addHelpText(
      'after',
      `
A backup does not know what was granted after it was taken. So the next start records the restore, and opens grace:
clients reclaim what they hold before anyone gets a new lock.

Example:
  nlm-ledger ledger restore /backup/nlm-2031-02-03 --data /var/lib/nlm-ledger`,
    );
  act<LedgerOptions & { args: [string] }>(restore, async (options, context) => {
    const data = dataOf(options, context);
    const groups = await restoreLedger({ source: resolve(options.args[0]), data, now: context.now() });
    return print({ data, groups }, options, context, () => copiedLines('restored', groups, data));
  });

  const generation = withNats(withJson(ledger.command('generation <group>')))
    .description("opens the next generation of a group's stream: for an administrator, where the stream is full")
    .addHelpText(
      'after',
      `
The old stream is sealed, and stays until you delete it: keep it while a node's archive is behind its end. The new one
begins with the last entry of the old one. Running nodes go on in it by themselves. A repeat after a failure is safe.

Example:
  NATS_PASSWORD=... nlm-ledger ledger generation home --nats nats://nats-1 --nats-user administrator`,
    );
  act<ClusterOptions & { args: [string] }>(generation, async (options, context) => {
    if (options.nats === undefined)
      throw new LedgerError('bad-request', 'name the NATS server: --nats nats://host:4222');
    const [{ busOptions }, { connectOnce }, { openNextGeneration }] = await Promise.all([
      import('../../nats/ask.js'),
      import('../../../bus/connection.js'),
      import('../../../ledger/jetstream/generation.js'),
    ]);
    const connection = await connectOnce(busOptions(options, context.environment));
    try {
      const opened = await openNextGeneration(connection, options.args[0]);
      if (options.json === true) context.output.json(opened);
      else context.output.lines(generationLines(opened));
    } finally {
      await connection.close();
    }
    return EXIT.done;
  });
}

function withData(command: Command): Command {
  return withJson(command)
    .option('--data <dir>', 'the data folder')
    .option('--group <name>', 'the service group', 'default');
}

function dataOf({ data }: LedgerOptions, { environment }: Context): string {
  return resolve(data ?? defaultDataFolder(environment));
}

function print(value: object, options: LedgerOptions, { output }: Context, lines: () => string[]): number {
  if (options.json === true) output.json(value);
  else output.lines(lines());
  return EXIT.done;
}
