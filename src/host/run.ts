/** Runs a tool of the host for its output, with limits on time and size. The only place that starts such a tool. */

import { execFile } from 'node:child_process';

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** Standard output; `undefined` where the tool is missing, fails or takes too long. */
export function outputOf(tool: string, args: readonly string[], timeMsMax: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      tool,
      args,
      {
        timeout: timeMsMax,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
        env: { ...process.env, LC_ALL: 'C', PATH: toolPath() },
      },
      (error, stdout) => resolve(error === null ? stdout : undefined),
    );
  });
}

/** A user's PATH often lacks the folders where `ip` lies. */
export function toolPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;
}
