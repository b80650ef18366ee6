/** Scenes: programs of the tests in network, mount and process namespaces of their own, which end with them (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { outputOf } from '../../src/host/run.js';

const SCENE_MS_MAX = 180_000;
const APART = '--net --mount --pid --fork --kill-child --mount-proc --propagation private'.split(' ');
const SET_UP = 'ip link set lo up && mount -t tmpfs -o mode=755 tmpfs /run && exec "$0" "$1"';

export interface SceneNeeds {
  /** Commands, each with the Debian package that has it. */
  readonly tools: Readonly<Record<string, string>>;
  /** A shell's words before the scene begins, with it at their end; left out: loopback, and a /run of its own. */
  readonly setUp?: string;
}

/** What the scene has said, by rule; undefined, with the reason logged, where it cannot be played. In CI it must be. */
export async function playScene(
  t: ExecutionContext,
  scene: URL,
  { tools, setUp = SET_UP }: SceneNeeds,
): Promise<ReadonlyMap<string, unknown> | undefined> {
  t.timeout(SCENE_MS_MAX + 5000);
  const missing: string[] = [];
  for (const [tool, fromPackage] of Object.entries(tools)) {
    const found = await outputOf('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; command -v ${tool}`], 2000);
    if (found === undefined) missing.push(fromPackage);
  }
  if (process.getuid?.() !== 0 || (missing.length > 0 && process.env['CI'] !== 'true')) {
    t.log(`not run: it needs root${missing.length > 0 ? `, and of Debian ${missing.join(', ')}` : ''}`);
    return undefined;
  }
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...APART, 'sh', '-c', setUp, process.execPath, fileURLToPath(scene)],
    { timeout: SCENE_MS_MAX, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '' }, maxBuffer: 2 ** 24 },
  );
  const seen = new Map<string, unknown>();
  for (const line of stdout.trim().split('\n')) {
    // The scene's own `say` wrote it.
    const said = JSON.parse(line) as { readonly rule: string; readonly seen: unknown };
    seen.set(said.rule, said.seen);
  }
  return seen;
}

/** One line of a scene. */
export function say(rule: string, seen: unknown): void {
  process.stdout.write(`${JSON.stringify({ rule, seen })}\n`);
}
