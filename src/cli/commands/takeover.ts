/** `release` and `take`: a service group moves between nodes, and each step is shown as it ends. */

import { setTimeout as wait } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { GroupLifeReply, TakeoverReply } from '../../admin/messages.js';
import type { Way } from '../../core/life.js';
import { given, whole, withCluster, withSign, type Act, type ClusterOptions, type Context } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { askNode, socketPathOf } from '../node-client.js';
import { lifeLines, stepLine, stepLines } from '../render/takeover.js';
import { signed } from '../sign.js';

interface TakeoverOptions extends ClusterOptions {
  readonly args: [string];
  readonly way?: Way;
  readonly id?: string;
  readonly reason?: string;
  readonly node?: string;
  readonly epoch?: number;
  readonly unmount?: boolean;
  readonly force?: boolean;
  readonly dead?: boolean;
  readonly acceptLoss?: boolean;
  readonly sign?: string;
}

/** Hooks may take half a minute each. */
const WITHIN_SECONDS = 300;
const LOOK_MS = 300;

export function takeoverCommands(program: Command, act: Act): void {
  const release = withTakeover(program.command('release <group>'))
    .description('the owner gives a service group up, for another node to take')
    .option('--unmount', 'the file systems too: unmounts them, with what is locked through other addresses')
    .addHelpText(
      'after',
      `
From here on nothing is granted. Step by step: the door of its addresses is closed, their connections reset, the
addresses removed, the paths unexported; the reclaim way, the locks dropped that came in through the addresses. A step
that fails stops it there: mend it and give the same order again, or take it back with \`take\` on the same node.

Examples:
  nlm-ledger release web --reason 'maintenance'
  nlm-ledger release web --way reclaim --unmount
  nlm-ledger release web --nats nats://nfs-b:4222 --node a`,
    );
  act<TakeoverOptions>(release, (options, context) => order('release', options, context));

  const take = withTakeover(program.command('take <group>'))
    .description('makes this node, or with --nats the one of --node, the owner of a service group')
    .option('--force', 'also from an owner that has not released it: it is dead, or fenced from the file systems')
    .option('--dead', 'as --force, and its node is known to be dead, not only cut off: nothing is waited for')
    .option('--accept-loss', 'also where an archive out of reach may have locks that are lost; the reclaim way alone')
    .addHelpText(
      'after',
      `
Step by step: the group is claimed, its file systems mounted, its locks carried over or a grace period opened for it
alone, the paths exported, the addresses added and served, announced, and in the reclaim way the clients told. A step
that fails stops it there: mend it and give the same order again.

--force does not fence: an owner that is only paused or cut off may still write to the file systems. What it may still
answer to its clients is waited for, 1.2 seconds from its last word. --dead does not wait: for who has switched it off.

Examples:
  nlm-ledger take web
  nlm-ledger take web --dead --reason 'a is off'
  nlm-ledger take web --nats nats://nfs-a:4222 --node b --way reclaim`,
    );
  act<TakeoverOptions>(take, (options, context) => order('take', options, context));
}

function withTakeover(command: Command): Command {
  const ways = new Option('--way <way>', 'carry: the locks stay; reclaim: they are dropped and reclaimed in grace');
  return withSign(withCluster(command))
    .addOption(ways.choices(['carry', 'reclaim']))
    .option('--id <id>', 'command id: the same order under the same id goes on, and is carried out once')
    .option('--reason <text>', 'recorded in the ledger')
    .option('--node <name>', 'the node that is meant; others refuse')
    .option('--epoch <n>', 'refuse where the group has another epoch', whole(0, Number.MAX_SAFE_INTEGER));
}

async function order(procedure: 'release' | 'take', options: TakeoverOptions, context: Context): Promise<number> {
  const { output, environment, now } = context;
  const { args, way, id: commandId, reason, node, epoch, unmount, force, dead, acceptLoss } = options;
  const [group] = args;
  const plain = { group, ...given({ way, commandId, reason, node, epoch, unmount, force, dead, acceptLoss }) };
  const request = await signed(procedure, plain, options.sign, now());
  const shows = options.json !== true && context.stderr.isTTY === true;
  const lines = (reply: TakeoverReply): string[] => [
    ...lifeLines(reply, now(), output.paint),
    ...(shows ? [] : stepLines(reply, output.paint)),
  ];
  if (options.nats !== undefined) {
    const { askCluster } = await import('../nats/ask.js');
    return askCluster<TakeoverReply>(options, context, {
      procedure,
      request,
      node,
      lines,
      within: WITHIN_SECONDS,
      others: [EXIT.refused, EXIT.notFound],
      during: (cluster) =>
        follow(shows, context, async () => {
          const asked = { procedure: 'group-status', request: { group }, expect: [], msMax: LOOK_MS } as const;
          const { answers } = await cluster.ask(asked);
          // The cast states what `cluster` has checked against the procedure's schema.
          return answers.flatMap(({ outcome }) =>
            'reply' in outcome ? (outcome.reply as { groups: GroupLifeReply[] }).groups : [],
          );
        }),
    });
  }
  const path = socketPathOf(options.socket, environment);
  const steps = follow(shows, context, async () => {
    return (await askNode<{ groups: GroupLifeReply[] }>(path, 'group-status', { group })).groups;
  });
  let reply: TakeoverReply;
  try {
    reply = await askNode<TakeoverReply>(path, procedure, request, WITHIN_SECONDS * 1000);
  } finally {
    await steps.stop();
  }
  if (options.json === true) output.json(reply);
  else output.lines(lines(reply));
  return EXIT.done;
}

/** Prints each step once, as it ends, from whoever knows most; what cannot be asked now is asked again. */
function follow(
  shows: boolean,
  { output, now }: Context,
  ask: () => Promise<readonly GroupLifeReply[]>,
): { stop(): Promise<void> } {
  const began = now();
  const seen = new Set<string>();
  let stopped = !shows;
  const look = async (): Promise<void> => {
    const groups = await ask().catch(() => []);
    for (const group of groups) {
      for (const step of group.isKnown ? group.steps : []) {
        const key = `${step.time} ${step.step}`;
        if (step.time < began || seen.has(key)) continue;
        seen.add(key);
        output.note(stepLine(step, output.paint));
      }
    }
  };
  const running = (async () => {
    while (!stopped) {
      await look();
      await wait(LOOK_MS);
    }
  })();
  return {
    stop: async () => {
      if (stopped) return;
      stopped = true;
      await running;
      await look();
    },
  };
}
