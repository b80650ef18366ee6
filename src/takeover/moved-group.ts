/** What a takeover is told of its group: the configuration, put together for the sequences. */

import type { Caller } from '../core/callers.js';
import type { Configuration, HookStep, ServiceGroup } from '../config/configuration.js';
import { fileSystemName, type ExportOptions } from '../handles/map.js';

export interface MovedExport extends ExportOptions {
  readonly fileSystem: string;
  readonly mountPoint?: string | undefined;
}

export interface MovedGroup extends Pick<ServiceGroup, 'name' | 'addresses' | 'nodes' | 'way' | 'hooks' | 'hookMs'> {
  /** This node. */
  readonly node: string;
  readonly exports: readonly MovedExport[];
  readonly graceMs: number;
  /** Of the doors of every node, over TCP; 0 where the system gives one. */
  readonly nlmPort: number;
}

export function movedGroup(configuration: Configuration, group: ServiceGroup): MovedGroup {
  const { exports, node, graceMs, nlmPort } = configuration;
  const { name, addresses, nodes, way, hooks, hookMs } = group;
  const moved = exports
    .filter(({ path }) => group.exports.includes(path))
    .map((entry) => ({ ...entry, fileSystem: fileSystemName(entry, exports) ?? entry.path }));
  return { name, node: node.name, addresses, nodes, exports: moved, way, hooks, hookMs, graceMs, nlmPort };
}

export interface HookFacts {
  readonly step: HookStep;
  readonly way: string;
  readonly epoch: number;
  readonly takeover: number;
  readonly from: string;
  readonly commandId: string;
  /** The node that serves the group already, where the address stayed behind; left out in a takeover. */
  readonly takenBy?: string;
  /** Whose connections the owner before has left behind, where it gave nothing up. */
  readonly callers?: readonly Caller[];
}

/** What a hook finds in its environment; ops/hooks/README.md says the same to its authors. */
export function hookEnvironment(group: MovedGroup, facts: HookFacts): Readonly<Record<string, string>> {
  const mountPoints = group.exports.map(({ path, mountPoint }) => mountPoint ?? path);
  return {
    NLM_GROUP: group.name,
    NLM_STEP: facts.step,
    NLM_NODE: group.node,
    NLM_FROM: facts.from,
    NLM_WAY: facts.way,
    NLM_EPOCH: String(facts.epoch),
    NLM_TAKEOVER: String(facts.takeover),
    NLM_COMMAND_ID: facts.commandId,
    NLM_TAKEN_BY: facts.takenBy ?? '',
    NLM_PORT: String(group.nlmPort),
    NLM_CALLERS: (facts.callers ?? []).map(({ address, port }) => `${address} ${port}`).join('\n'),
    NLM_ADDRESSES: group.addresses.join(' '),
    NLM_EXPORTS: lines(group.exports.map(({ path }) => path)),
    NLM_FILE_SYSTEMS: lines(group.exports.map(({ fileSystem }) => fileSystem)),
    NLM_MOUNT_POINTS: lines(mountPoints),
  };
}

/** One a line, each once: paths may have blanks. */
function lines(texts: readonly string[]): string {
  return [...new Set(texts)].join('\n');
}
