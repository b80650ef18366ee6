/** `notify` and `notify-status`: clients are told to reclaim, and how far that is. */

import type { Command } from 'commander';
import type { NoticeRow, NotifyReply, Page } from '../../admin/messages.js';
import { given, withNode, whole, type Act, type NodeOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { noticeLines, notifyLines } from '../render/notify.js';

interface NotifyOptions extends NodeOptions {
  readonly args: [string?];
  readonly all?: boolean;
  readonly known?: boolean;
  readonly id?: string;
  readonly reason?: string;
  readonly node?: string;
  readonly epoch?: number;
}

export function notifyCommands(program: Command, act: Act): void {
  const notify = withNode(program.command('notify [address]'))
    .description('tells the clients of a server address that it has restarted, so that they reclaim their locks')
    .option('--all', 'every address that this node serves')
    .option('--known', 'also clients that hold nothing there now: the ledger may have forgotten grants')
    .option('--id <id>', 'command id: the same order under the same id is carried out once')
    .option('--reason <text>', 'recorded in the ledger')
    .option('--node <name>', 'refuse where the node has another name')
    .option('--epoch <n>', 'refuse where the group has another epoch', whole(0, Number.MAX_SAFE_INTEGER))
    .addHelpText(
      'after',
      `
Each client with a lock or waiter through the address gets an SM_NOTIFY from that address, again and again for a
quarter of an hour until it answers. A client that reclaims what it holds here is granted at any time; what it does
not hold here only in a grace period.

Examples:
  nlm-ledger notify 10.1.1.2 --reason 'moved here'
  nlm-ledger notify --all --known`,
    );
  act<NotifyOptions>(notify, async (options, { output, environment }) => {
    const { args, all, known, id, reason, node, epoch } = options;
    const request = given({ address: args[0], all, known, commandId: id, reason, node, epoch });
    const reply = await askNode<NotifyReply>(socketPathOf(options.socket, environment), 'notify', request);
    if (options.json === true) output.json(reply);
    else output.lines(notifyLines(reply));
    return EXIT.done;
  });

  const status = withNode(program.command('notify-status [address]'))
    .description('lists the clients that are being told, or were told by the last order, and what became of it')
    .addHelpText('after', '\nExamples:\n  nlm-ledger notify-status\n  nlm-ledger notify-status 10.1.1.2 --json');
  act<NodeOptions & { args: [string?] }>(status, async (options, { output, environment, now }) => {
    const path = socketPathOf(options.socket, environment);
    const rows: NoticeRow[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const request = given({ address: options.args[0], cursor: cursor === '' ? undefined : cursor });
      const page: Page<NoticeRow> = await askNode<Page<NoticeRow>>(path, 'notify-status', request);
      rows.push(...page.rows);
      ({ cursor } = page);
    }
    if (options.json === true) output.json({ rows });
    else output.lines(noticeLines(rows, now()));
    return EXIT.done;
  });
}
