/** `locks` and `waiters`: what is held, who waits for what, behind whom, how long. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LockRow, LocksRequest, Page, WaiterRow } from '../../admin/messages.js';
import { given, whole, withCluster, type Act, type ClusterOptions, type Context } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { lockLines, waiterLines } from '../render/locks.js';
import { handleOf } from '../call/options.js';
import { bytesToHex } from '../../base/bytes.js';

interface ListOptions extends ClusterOptions {
  readonly address?: string;
  readonly fs?: string;
  readonly path?: string;
  readonly client?: string;
  readonly clientAddress?: string;
  readonly fh?: string;
  readonly file?: string;
  readonly group?: string;
  readonly limit: number;
  readonly all?: boolean;
  readonly resolve?: boolean;
}

const PAGE_ROWS_MAX = 10_000;

function withFilters(command: Command): Command {
  return withCluster(command)
    .option('--address <address>', 'came in through this server address')
    .option('--fs <name>', 'on the file system of this name')
    .option('--path <path>', 'on the file system that this path is on')
    .option('--client <name>', 'of the client of this name')
    .option('--client-address <address>', 'of the client at this address')
    .option('--fh <hex>', 'of the file with this NFS file handle')
    .option('--file <name>', 'of the file that `call --file NAME` stands for')
    .option('--group <name>', 'of this service group')
    .option('--limit <n>', 'rows at most', whole(1, PAGE_ROWS_MAX), 100)
    .option('--all', 'page through all of them')
    .option('--resolve', 'find the path of each file, by its inode, on the mounted file system (slow)');
}

export function locksCommands(program: Command, act: Act): void {
  const locks = withFilters(program.command('locks'))
    .description('lists the locks that are held, then the shares')
    .addHelpText(
      'after',
      `
Examples:
  nlm-ledger locks
  nlm-ledger locks --address 10.1.1.2 --fs /srv/data
  nlm-ledger locks --client client1 --resolve
  nlm-ledger locks --all --json | jq .rows[].handle`,
    );
  act<ListOptions>(locks, async (options, context) => {
    const lines = ({ rows }: Page<LockRow>): string[] => lockLines(rows, context.now(), context.output.paint);
    return list('locks', options, context, lines);
  });

  const waiters = withFilters(program.command('waiters')).description(
    'lists who waits for what, behind whom, how long',
  );
  act<ListOptions>(waiters, async (options, context) => {
    const lines = ({ rows }: Page<WaiterRow>): string[] => waiterLines(rows, context.output.paint);
    return list('waiters', options, context, lines);
  });
}

async function list<Row>(
  procedure: 'locks' | 'waiters',
  options: ListOptions,
  context: Context,
  lines: (page: Page<Row>) => string[],
): Promise<number> {
  const { output, environment } = context;
  const request: LocksRequest = requestOf(options);
  if (options.nats !== undefined) {
    const { askCluster } = await import('../nats/ask.js');
    return askCluster<Page<Row>>(options, context, {
      procedure,
      request,
      lines,
      notes: moreNotes,
      complete: (page, ask) =>
        // The cast states what the schema of the procedure has checked.
        completed(page, options, (cursor) => ask(procedure, { ...request, cursor }) as Promise<Page<Row>>),
    });
  }
  const path = socketPathOf(options.socket, environment);
  const ask = (cursor?: string): Promise<Page<Row>> => askNode(path, procedure, given({ ...request, cursor }));
  const page = await completed(await ask(), options, ask);
  if (options.json === true) {
    output.json(page);
    return EXIT.done;
  }
  output.lines(lines(page));
  for (const note of moreNotes(page)) output.note(note);
  return EXIT.done;
}

/** One page, or with `--all` every page. */
async function completed<Row>(
  first: Page<Row>,
  { all }: ListOptions,
  ask: (cursor: string) => Promise<Page<Row>>,
): Promise<Page<Row>> {
  const rows = [...first.rows];
  let { cursor } = first;
  while (all === true && cursor !== undefined) {
    const page = await ask(cursor);
    rows.push(...page.rows);
    ({ cursor } = page);
  }
  return { rows, ...given({ cursor }) };
}

function moreNotes({ rows, cursor }: Page<unknown>): string[] {
  if (cursor === undefined) return [];
  return [`there are more than these ${rows.length}: --all, or --limit N up to ${PAGE_ROWS_MAX}`];
}

function requestOf(options: ListOptions): LocksRequest {
  const { address, fs, path, client, clientAddress, fh, file, group, limit, all } = options;
  return given({
    address,
    fileSystem: fs,
    path: path === undefined ? undefined : resolve(path),
    client,
    clientAddress,
    handle: fh === undefined && file === undefined ? undefined : bytesToHex(handleOf(given({ fh, file }))),
    group,
    limit: all === true ? PAGE_ROWS_MAX : limit,
    resolve: options.resolve,
  });
}
