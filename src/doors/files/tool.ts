/** Runs mount(8), umount(8) and stat(1), of which only the status and the complaint matter. */

import { spawn } from 'node:child_process';
import { toolPath } from '../../host/run.js';
import { TOOL_MS_MAX } from './limits.js';

export interface ToolEnd {
  /** `failed`: a status other than 0, or no such tool. `late`: killed, and perhaps stuck in the kernel; not waited for. */
  readonly end: 'done' | 'failed' | 'late';
  readonly complaint: string;
}

const COMPLAINT_CHARS_MAX = 1000;

/** `inherited` is the descriptor that the tool finds as number 3. */
export function runTool(tool: string, args: readonly string[], inherited?: number): Promise<ToolEnd> {
  return new Promise((resolve) => {
    const child = spawn(tool, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...(inherited === undefined ? [] : [inherited])],
      cwd: '/',
      env: { LC_ALL: 'C', PATH: toolPath() },
    });
    let complaint = '';
    const finish = (end: ToolEnd['end']): void => {
      clearTimeout(timer);
      resolve({ end, complaint: complaint.trim() });
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stderr?.destroy();
      child.unref();
      finish('late');
    }, TOOL_MS_MAX);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, COMPLAINT_CHARS_MAX);
    });
    child.on('error', (error) => {
      complaint = error.message;
      finish('failed');
    });
    child.on('close', (code) => finish(code === 0 ? 'done' : 'failed'));
  });
}
