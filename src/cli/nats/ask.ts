/** A command to every node of the cluster: asks, prints each answer under its node's name, and makes one exit code. */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { LedgerError } from '../../base/errors.js';
import type { BusOptions } from '../../bus/connection.js';
import type { BusProcedure } from '../../bus/subjects.js';
import { given, type ClusterOptions, type Context } from '../command.js';
import { EXIT, exitCodeOf } from '../exit-codes.js';
import { userName } from '../node-client.js';
import type { Environment } from '../output.js';
import { clusterLines, worstOf } from '../render/cluster.js';
import { Cluster, type Gathered, type NodeAnswer } from './cluster.js';

/** Asks one procedure of the node that an answer came from. */
export type AskNode = (procedure: BusProcedure, request: object) => Promise<object>;

export interface ClusterCall<Reply extends object> {
  readonly procedure: BusProcedure;
  readonly request: object;
  /** Whose answer alone counts. */
  readonly node?: string | undefined;
  readonly lines: (reply: Reply) => readonly string[];
  /** For people, beside the result. */
  readonly notes?: (reply: Reply) => readonly string[];
  /** Further pages of a reply. */
  readonly complete?: (reply: Reply, ask: AskNode) => Promise<Reply>;
  readonly exit?: (reply: Reply) => number;
  /** Exit codes that do not count once one node has done it: the order was not for the others. */
  readonly others?: readonly number[];
  /** Seconds, where the caller names none. */
  readonly within?: number;
  /** Called while the answers are waited for. */
  readonly during?: (cluster: Cluster) => { stop(): Promise<void> };
}

const WITHIN_SECONDS_DEFAULT = 5;

/** Returns the exit code. @throws LedgerError */
export async function askCluster<Reply extends object>(
  options: ClusterOptions,
  { output, environment }: Context,
  call: ClusterCall<Reply>,
): Promise<number> {
  const msMax = (options.within ?? call.within ?? WITHIN_SECONDS_DEFAULT) * 1000;
  const cluster = await Cluster.connect(busOptions(options, environment));
  try {
    const request = isOrderOf(call.procedure) ? { commandId: randomUUID(), ...call.request } : call.request;
    const claim = actor();
    const during = call.during?.(cluster);
    let all: Gathered;
    try {
      all = await cluster.ask({
        procedure: call.procedure,
        request: { ...request, ...claim },
        node: call.node,
        expect: options.expect ?? [],
        msMax,
      });
    } finally {
      await during?.stop();
    }
    const gathered = withoutOthers(all, call.others);
    const askOne =
      (node: string): AskNode =>
      async (procedure, further) => {
        const { answers } = await cluster.ask({ procedure, request: { ...further, node }, node, expect: [], msMax });
        const outcome = answers[0]?.outcome;
        if (outcome === undefined) throw new LedgerError('timeout', `node ${node} did not answer within ${msMax} ms`);
        if ('error' in outcome) throw outcome.error;
        return outcome.reply;
      };
    const answers = await Promise.all(gathered.answers.map((answer) => completed(answer, call, askOne(answer.node))));
    const codes = answers.map((answer) => codeOf(answer, call));
    if (options.json === true) {
      output.json({ nodes: answers.map(jsonOf), missing: gathered.missing });
    } else {
      // The casts state what `cluster` has checked against the procedure's schema.
      const lines = (reply: object): readonly string[] => call.lines(reply as Reply);
      output.lines(clusterLines(answers, gathered.missing, msMax, lines, output.paint));
      for (const { node, outcome } of answers) {
        if ('error' in outcome) continue;
        for (const note of call.notes?.(outcome.reply as Reply) ?? []) output.note(`node ${node}: ${note}`);
      }
      const isOrder = 'commandId' in request;
      if (isOrder && gathered.missing.length > 0) {
        output.note(`repeat it with --id ${String(request.commandId)}: who has carried it out does not do it again`);
      }
    }
    return worstOf(gathered.missing.length > 0 ? [...codes, EXIT.down] : codes);
  } finally {
    await cluster.close();
  }
}

function isOrderOf(procedure: BusProcedure): boolean {
  return procedure.startsWith('unlock-') || procedure === 'release' || procedure === 'take';
}

/** The answers that count: once one node has done it, an order for one is none of the others' business. */
function withoutOthers(gathered: Gathered, others: readonly number[] = []): Gathered {
  const isOther = ({ outcome }: NodeAnswer): boolean =>
    'error' in outcome && others.includes(exitCodeOf(outcome.error.code));
  const { answers } = gathered;
  if (others.length === 0 || !answers.some(({ outcome }) => 'reply' in outcome)) return gathered;
  return { answers: answers.filter((answer) => !isOther(answer)), missing: [] };
}

async function completed<Reply extends object>(
  answer: NodeAnswer,
  { complete }: ClusterCall<Reply>,
  ask: AskNode,
): Promise<NodeAnswer> {
  if (complete === undefined || 'error' in answer.outcome) return answer;
  try {
    return { ...answer, outcome: { reply: await complete(answer.outcome.reply as Reply, ask) } }; // checked by its schema
  } catch (error) {
    if (error instanceof LedgerError) return { ...answer, outcome: { error } };
    throw error;
  }
}

function codeOf<Reply extends object>({ outcome }: NodeAnswer, { exit }: ClusterCall<Reply>): number {
  if ('error' in outcome) return exitCodeOf(outcome.error.code);
  return exit?.(outcome.reply as Reply) ?? EXIT.done; // checked by its schema
}

function jsonOf({ node, outcome }: NodeAnswer): object {
  if ('reply' in outcome) return { node, reply: outcome.reply };
  const { code, message, details } = outcome.error;
  return { node, error: { code, message, details } };
}

/** How the command line connects, out of its options. */
export function busOptions(options: ClusterOptions, environment: Environment): BusOptions {
  const { nats = '', creds, nkey, natsUser, tlsCa, tlsCert, tlsKey } = options;
  const tls = given({ ca: tlsCa, cert: tlsCert, key: tlsKey });
  return {
    servers: nats.split(','),
    name: 'nlm-ledger command line',
    ...given({ credentials: creds, nkeySeed: nkey, user: natsUser }),
    ...(natsUser === undefined ? {} : given({ password: environment['NATS_PASSWORD'] })),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

/** `user@host`, where its characters are those that the schema takes. */
function actor(): { readonly actor?: string } {
  const user = userName();
  if (user === undefined) return {};
  const full = `${user}@${hostname()}`;
  return { actor: /^[A-Za-z0-9._@:+-]{1,64}$/.test(full) ? full : user };
}
