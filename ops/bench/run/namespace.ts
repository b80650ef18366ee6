/**
 * A place of the bench's own for peers that take fixed ports and write below /run: new network, mount and process
 * namespaces, which end with the bench and everything in them. For root.
 */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';

const INSIDE = 'NLM_BENCH_NAMESPACE';

export function isInside(): boolean {
  return process.env[INSIDE] === '1';
}

/** Runs this very command inside; resolves to its exit code. */
export function runInside(): Promise<number> {
  const namespaces = [
    '--net',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', [...namespaces, ...self], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Loopback up, and folders of the peers' services that hide the host's. */
export function furnish(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const [hidden, folders] of [
    ['/run', ['rpcbind', 'ganesha', 'lock']],
    ['/var/lib/nfs', ['ganesha']],
  ] as const) {
    if (!existsSync(hidden)) mkdirSync(hidden, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', hidden]);
    for (const folder of folders) mkdirSync(`${hidden}/${folder}`);
  }
}
