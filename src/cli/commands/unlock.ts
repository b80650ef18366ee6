/** `unlock-ip`, `unlock-fs`, `unlock-client`, `unlock-lock`: orders to drop locks, and their answer in full. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { PurgeReply, PurgeReportReply, PurgeReportRequest } from '../../admin/messages.js';
import { given, whole, withCluster, withSign, type Act, type ClusterOptions, type Context } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { purgeLines } from '../render/purge.js';
import { signed } from '../sign.js';

interface OrderOptions<Args> extends ClusterOptions {
  readonly args: Args;
  readonly id?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly node?: string;
  readonly epoch?: number;
  readonly all?: boolean;
  readonly reclaimable?: boolean;
  readonly sign?: string;
}

function withOrder(command: Command): Command {
  return withSign(withCluster(command))
    .option('--dry-run', 'say what would go, and drop nothing')
    .option('--id <id>', 'command id: the same order under the same id is carried out once')
    .option('--reason <text>', 'recorded in the ledger')
    .option('--node <name>', 'refuse where the node has another name')
    .option('--epoch <n>', 'refuse where the group has another epoch', whole(0, Number.MAX_SAFE_INTEGER))
    .option('--all', 'list all that was dropped, not the first 1000 alone');
}

export function unlockCommands(program: Command, act: Act): void {
  const ip = withOrder(program.command('unlock-ip <address>'))
    .description('drops every lock and waiter that came in through a server address')
    .option('--fs <name>', 'say what still pins this file system')
    .option('--reclaimable', 'keep what is dropped for its owners, until a grace period ends')
    .addHelpText(
      'after',
      `
A floating address leaves this server: the locks that clients took through it are dropped here, so that they can be
had again on the server that takes the address over. The answer says what was dropped and what still pins each file
system: locks of clients that came in through another address stay, and are for unlock-fs.

Examples:
  nlm-ledger unlock-ip 10.1.1.2 --dry-run
  nlm-ledger unlock-ip 10.1.1.2 --reason 'move to server b' --id move-17
  nlm-ledger unlock-ip fe80::1%eth0 --json`,
    );
  act<OrderOptions<[string]> & { fs?: string }>(ip, (options, context) => {
    const [address] = options.args;
    return order('unlock-ip', { address, fileSystem: options.fs }, options, context);
  });

  const fs = withOrder(program.command('unlock-fs [path]'))
    .description('drops every lock and waiter of the file system that a path is on')
    .option('--name <name>', 'the file system by its name, as `locks` shows it, in place of a path')
    .option('--force', 'take a path whose file system no export serves')
    .option('--reclaimable', 'keep what is dropped for its owners, until a grace period ends')
    .addHelpText(
      'after',
      `
All locks of the file system go, also for the path of a subdirectory, as the kernel's unlock_filesystem does.

Examples:
  nlm-ledger unlock-fs /srv/data --reason 'umount'
  nlm-ledger unlock-fs --name fsid:cf362c02 --dry-run`,
    );
  act<OrderOptions<[string?]> & { name?: string; force?: boolean }>(fs, (options, context) => {
    const [path] = options.args;
    const place = path === undefined ? undefined : resolve(path);
    return order('unlock-fs', { path: place, fileSystem: options.name, force: options.force }, options, context);
  });

  const client = withOrder(program.command('unlock-client [name]'))
    .description('drops every lock and waiter of a client, by its name, its address, or both together')
    .option('--address <address>', "the client's own address")
    .addHelpText(
      'after',
      `
Examples:
  nlm-ledger unlock-client client1
  nlm-ledger unlock-client --address 10.1.0.7
  nlm-ledger unlock-client client1 --address 10.1.0.7 --reason 'reinstalled'`,
    );
  act<OrderOptions<[string?]> & { address?: string }>(client, (options, context) => {
    const [name] = options.args;
    return order('unlock-client', { name, address: options.address }, options, context);
  });

  const lock = withOrder(program.command('unlock-lock'))
    .argument('<lock>', 'its number, as `locks` and `waiters` show it', whole(1, Number.MAX_SAFE_INTEGER))
    .description('drops one lock, or one waiter, by its number')
    .option('--group <name>', 'its service group, where the node owns several')
    .addHelpText('after', '\nExample:\n  nlm-ledger unlock-lock 42 --reason "holder is gone"');
  act<OrderOptions<[number]> & { group?: string }>(lock, (options, context) => {
    const [number] = options.args;
    return order('unlock-lock', { lock: number, group: options.group }, options, context);
  });
}

async function order(
  procedure: 'unlock-ip' | 'unlock-fs' | 'unlock-client' | 'unlock-lock',
  what: object,
  options: OrderOptions<unknown>,
  context: Context,
): Promise<number> {
  const { output, environment } = context;
  const { id, reason, dryRun, node, epoch, reclaimable, sign } = options;
  const plain = given({ ...what, commandId: id, reason, dryRun, node, epoch, reclaimable });
  const request = await signed(procedure, plain, sign, context.now());
  const lines = (reply: PurgeReply): string[] => purgeLines(reply, output.paint);
  if (options.nats !== undefined) {
    const { askCluster } = await import('../nats/ask.js');
    return askCluster<PurgeReply>(options, context, {
      procedure,
      request,
      node,
      lines,
      notes: unlistedNotes,
      // The cast states what the schema of the procedure has checked.
      complete: (reply, ask) =>
        completed(reply, options, (page) => ask('purge-report', page) as Promise<PurgeReportReply>),
      ...(procedure === 'unlock-lock' ? { others: [EXIT.notFound] } : {}),
    });
  }
  const path = socketPathOf(options.socket, environment);
  const first = await askNode<PurgeReply>(path, procedure, request);
  const reply = await completed(first, options, (page) => askNode(path, 'purge-report', page));
  if (options.json === true) {
    output.json(reply);
    return EXIT.done;
  }
  output.lines(lines(reply));
  for (const note of unlistedNotes(reply)) output.note(note);
  return EXIT.done;
}

/** With `--all`, the rows of every page. */
async function completed(
  reply: PurgeReply,
  { all }: OrderOptions<unknown>,
  ask: (request: PurgeReportRequest) => Promise<PurgeReportReply>,
): Promise<PurgeReply> {
  if (all !== true) return reply;
  const rows = [...reply.rows];
  for (const { group, position, cursor: first } of reply.groups) {
    for (let cursor = first; cursor !== undefined;) {
      const page = await ask({ group, position, cursor });
      rows.push(...page.rows);
      ({ cursor } = page);
    }
  }
  return { ...reply, rows };
}

function unlistedNotes(reply: PurgeReply): string[] {
  const unlisted = reply.counts.locks + reply.counts.waiters - reply.rows.length;
  return unlisted > 0 ? [`${unlisted} more are not listed${whyNotListed(reply)}`] : [];
}

function whyNotListed({ dryRun, groups }: PurgeReply): string {
  if (dryRun) return ': `nlm-ledger locks` and `nlm-ledger waiters` have them all';
  if (groups.some(({ list }) => list === 'gone')) return ': the list is no longer kept';
  return groups.some(({ cursor }) => cursor !== undefined) ? ': --all lists them' : ': the list was cut at its limit';
}
