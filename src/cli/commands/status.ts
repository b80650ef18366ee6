/** `status` and `groups`: is the node serving, and what stands in its way. */

import type { Command } from 'commander';
import type { GroupsReply, StatusReply } from '../../admin/messages.js';
import { withCluster, type Act, type ClusterOptions } from '../command.js';
import { askNode, socketPathOf } from '../node-client.js';
import { lifeLines } from '../render/takeover.js';
import { exitOfStatus, groupLine, statusLines } from '../render/status.js';

export function statusCommands(program: Command, act: Act): void {
  const status = withCluster(program.command('status'))
    .description('says whether the node serves, and what is off')
    .addHelpText(
      'after',
      '\nExit code: 0 serving, 10 in grace, 11 degraded (only releases are taken), 3 down or not running.',
    );
  act<ClusterOptions>(status, async (options, context) => {
    const { output, environment, now } = context;
    if (options.nats !== undefined) {
      const { askCluster } = await import('../nats/ask.js');
      return askCluster<StatusReply>(options, context, {
        procedure: 'status',
        request: {},
        lines: (reply) => statusLines(reply, now(), output.paint),
        exit: (reply) => exitOfStatus(reply.status),
      });
    }
    const reply = await askNode<StatusReply>(socketPathOf(options.socket, environment), 'status', {});
    if (options.json === true) output.json(reply);
    else output.lines(statusLines(reply, now(), output.paint));
    return exitOfStatus(reply.status);
  });

  const groups = withCluster(program.command('groups')).description(
    'lists the service groups of the node: who owns them, and how their last takeover went',
  );
  act<ClusterOptions>(groups, async (options, context) => {
    const { output, environment, now } = context;
    const lines = ({ groups: known, shared = [] }: GroupsReply): string[] => [
      ...known.map((group) => groupLine(group, output.paint)),
      ...shared.flatMap((group) => lifeLines(group, now(), output.paint)),
    ];
    if (options.nats !== undefined) {
      const { askCluster } = await import('../nats/ask.js');
      return askCluster<GroupsReply>(options, context, { procedure: 'groups', request: {}, lines });
    }
    const path = socketPathOf(options.socket, environment);
    const reply = await askNode<GroupsReply>(path, 'groups', {});
    if (options.json === true) output.json(reply);
    else output.lines(lines(reply));
    return 0;
  });
}
