/** A node of our own for tests: the real composition on loopback, with free ports and a folder of its own. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { compose, type RunningNode, type Surroundings } from '../../src/compose.js';
import { parseConfiguration } from '../../src/config/load.js';
import type { Configuration } from '../../src/config/configuration.js';

export interface TestNode extends RunningNode {
  readonly data: string;
  readonly nlmPort: number;
  readonly nsmPort: number;
}

export interface TestNodeOptions {
  /** A folder that outlives the node; made and removed with the test where it is left out. */
  readonly data?: string;
  readonly listen?: readonly string[];
  /** Contents of a configuration file. */
  readonly file?: Readonly<Record<string, unknown>>;
  readonly change?: (configuration: Configuration) => Configuration;
  readonly surroundings?: Omit<Surroundings, 'logger'>;
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nlm-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startNode(t: ExecutionContext, options: TestNodeOptions = {}): Promise<TestNode> {
  const data = options.data ?? (await temporaryFolder(t));
  const parsed = parseConfiguration(
    JSON.stringify({
      data,
      portmap: 'off',
      socket: join(data, 'socket'),
      listen: options.listen ?? ['127.0.0.1'],
      ...options.file,
    }),
    'test',
    {},
    { nodeName: 'test', data, socket: () => join(data, 'socket') },
  );
  const free = { ...parsed, nlmPort: 0, nsmPort: 0 };
  const node = await compose(options.change?.(free) ?? free, {
    logger: pino({ level: 'silent' }),
    ...options.surroundings,
  });
  t.teardown(() => node.close());
  const [first] = node.listeners();
  if (first?.problem !== undefined) throw new Error(first.problem);
  return { ...node, data, nlmPort: first?.nlmPort ?? 0, nsmPort: first?.nsmPort ?? 0 };
}
