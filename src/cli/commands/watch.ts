/** `watch`: what happens, as it becomes durable; `trace`: every call of one client in the node's log. */

import type { Command } from 'commander';
import type { WatchedEvent } from '../../admin/port.js';
import { withNode, type Act, type NodeOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf, streamFromNode } from '../node-client.js';
import { watchLine } from '../render/watch.js';

export function watchCommands(program: Command, act: Act): void {
  const watch = withNode(program.command('watch'))
    .description('prints what happens as it becomes durable, until interrupted')
    .addHelpText(
      'after',
      '\nWith --json, one event a line:\n  nlm-ledger watch --json | jq "select(.event.type == \\"lock-granted\\")"',
    );
  act<NodeOptions>(watch, async (options, { output, environment, interrupted }) => {
    const events = streamFromNode<WatchedEvent>(socketPathOf(options.socket, environment), 'watch', interrupted());
    for await (const event of events) {
      if (options.json === true) output.json(event);
      else output.lines([watchLine(event, output.paint)]);
    }
    return EXIT.done;
  });

  const trace = withNode(program.command('trace <address>'))
    .description("writes every call of one client to the node's log")
    .option('--off', 'end it')
    .addHelpText('after', '\nExamples:\n  nlm-ledger trace 10.1.0.7\n  nlm-ledger trace 10.1.0.7 --off');
  act<NodeOptions & { args: [string]; off?: boolean }>(trace, async (options, { output, environment }) => {
    const [address] = options.args;
    const request = { address, on: options.off !== true };
    const reply = await askNode<typeof request>(socketPathOf(options.socket, environment), 'trace', request);
    if (options.json === true) output.json(reply);
    else output.lines([`calls of ${reply.address} are ${reply.on ? "written to the node's log" : 'no longer traced'}`]);
    return EXIT.done;
  });
}
