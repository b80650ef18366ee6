/** Scenes for tests of the doctor: a real host, and what the test changes about it. */

import { join } from 'node:path';
import { parseConfiguration } from '../../src/config/load.js';
import type { Scene } from '../../src/doctor/scene.js';
import { Rpcbind } from '../../src/effects/rpcbind/rpcbind.js';

export interface SceneChange extends Partial<Scene> {
  /** Contents of the configuration file. */
  readonly file?: Readonly<Record<string, unknown>>;
}

export function sceneOf(data: string, { file, ...change }: SceneChange = {}): Scene {
  const socket = join(data, 'socket');
  const configuration = parseConfiguration(
    JSON.stringify({ data, socket, ...file }),
    'test',
    {},
    { nodeName: 'test', data, socket: () => socket },
  );
  return {
    configuration,
    socket,
    node: undefined,
    nodeProblem: undefined,
    rpcbind: new Rpcbind({ port: 1, socketPath: '/nonexistent/rpcbind.sock' }),
    clientRpcbindPort: 1,
    now: Date.now(),
    measureSyncs: async () => [1],
    proc: '/proc',
    ...change,
  };
}
