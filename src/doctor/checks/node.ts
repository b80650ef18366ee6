/** Does a node run, and does it serve at every address? */

import { parseAddress } from '../../base/address.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { fail, ok, warn, type Said } from '../finding.js';
import { howToGoOn } from '../../takeover/release.js';
import { pingProblem } from '../ping.js';
import type { Scene } from '../scene.js';

const TRANSPORTS = ['tcp', 'udp'] as const;

export async function checkNode({ node, nodeProblem, socket }: Scene): Promise<Said[]> {
  if (node === undefined) {
    return [
      warn(
        `no node was asked: ${nodeProblem ?? `nobody answers on ${socket}`}`,
        'start one: nlm-ledger start; or name its socket: --socket PATH (what follows is what a start would meet)',
      ),
    ];
  }
  const { status, shared } = node;
  const said: Said[] = status.groups.flatMap(({ name, status: state, statusReason }) => {
    if (state === 'down') {
      return [
        fail(`group ${name} is down: ${statusReason}`, 'read the log of the node; the ledger is tried again and again'),
      ];
    }
    if (state === 'degraded') return [fail(`group ${name} grants nothing: ${statusReason}`, 'make room on its disk')];
    return state === 'grace' ? [warn(`group ${name} is in grace: ${statusReason}`, 'wait for its end')] : [];
  });
  for (const life of shared) {
    if (!life.isKnown || life.role !== 'following' || life.status !== 'releasing' || life.owner !== status.node)
      continue;
    const what = `the release of group ${life.group} stopped when the node ended in the middle of it: nobody serves it`;
    said.push(fail(what, howToGoOn(life.group)));
  }
  for (const { address, present, nlmPort } of status.listeners) {
    if (!present) continue;
    for (const transport of TRANSPORTS) {
      const peer = { transport, address: parseAddress(address), port: nlmPort };
      const problem = await pingProblem({ ...peer, program: NLM_PROGRAM, version: 4 });
      if (problem === undefined) continue;
      said.push(
        fail(
          `NLM does not answer over ${transport}: ${problem}`,
          'look for a packet filter on this host, and at the load',
        ),
      );
    }
  }
  return said.length > 0 ? said : [ok(`node ${status.node}, process ${status.pid}, serves`)];
}
