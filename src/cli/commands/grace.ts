/** `grace open`, `grace end`, `grace status`: when only those who held a lock may have it. */

import { Option, type Command } from 'commander';
import type { GraceReply } from '../../admin/messages.js';
import { given, whole, withNode, type Act, type Context, type NodeOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { graceLines } from '../render/grace.js';

interface ScopeOptions extends NodeOptions {
  readonly address?: string;
  readonly fs?: string;
  readonly id?: string;
  readonly reason?: string;
  readonly node?: string;
  readonly epoch?: number;
}

interface OpenOptions extends ScopeOptions {
  readonly seconds?: number;
  readonly policy?: string;
  readonly expect?: string;
}

const SECONDS_MAX = 600;

function withScope(command: Command): Command {
  return withNode(command)
    .addOption(new Option('--address <address>', 'what came in through this server address').conflicts('fs'))
    .option('--fs <name>', 'what lies on this file system; without either, everything')
    .option('--id <id>', 'command id, recorded in the ledger')
    .option('--reason <text>', 'recorded in the ledger')
    .option('--node <name>', 'refuse where the node has another name')
    .option('--epoch <n>', 'refuse where the group has another epoch', whole(0, Number.MAX_SAFE_INTEGER));
}

export function graceCommands(program: Command, act: Act): void {
  const grace = program.command('grace').description('grace periods, in which clients reclaim their locks');

  const open = withScope(grace.command('open'))
    .description('opens a grace period: new locks wait, and those who held a lock may reclaim it')
    .option('--seconds <n>', `its limit, at most ${SECONDS_MAX}; default 90`, whole(1, SECONDS_MAX))
    .addOption(
      new Option(
        '--policy <policy>',
        'strict: what the ledger expects is granted; lenient: whatever nothing is in the way of',
      ).choices(['strict', 'lenient']),
    )
    .addOption(
      new Option('--expect <what>', 'held: all that is held now; none: only what is expected already').choices([
        'held',
        'none',
      ]),
    )
    .addHelpText(
      'after',
      `
What is expected stands in everybody's way but its owner's. The grace period ends at its limit, by \`grace end\`, or where
it is strict as soon as everything expected is reclaimed; what was not reclaimed by then is told lock by lock (\`watch\`), and free.

Examples:
  nlm-ledger grace open --address 10.1.1.2 --seconds 45
  nlm-ledger grace open --policy lenient --expect none --reason 'clients come from another server'`,
    );
  act<OpenOptions>(open, ({ seconds, policy, expect, ...options }, context) => {
    const durationMs = seconds === undefined ? undefined : seconds * 1000;
    return ask('grace-open', { ...requestOf(options), durationMs, policy, expect }, options, context);
  });

  const end = withScope(grace.command('end')).description('ends a grace period now: what was not reclaimed is free');
  act<ScopeOptions>(end, (options, context) => ask('grace-end', requestOf(options), options, context));

  const status = withNode(grace.command('status')).description('lists the grace periods, and who has yet to reclaim');
  act<NodeOptions>(status, (options, context) => ask('grace-status', {}, options, context));
}

function requestOf({ address, fs, id, reason, node, epoch }: ScopeOptions): object {
  return { address, fileSystem: fs, commandId: id, reason, node, epoch };
}

async function ask(
  procedure: string,
  request: object,
  options: NodeOptions,
  { output, environment, now }: Context,
): Promise<number> {
  const reply = await askNode<GraceReply>(socketPathOf(options.socket, environment), procedure, given(request));
  if (options.json === true) output.json(reply);
  else output.lines(graceLines(reply, now(), output.paint));
  return EXIT.done;
}
