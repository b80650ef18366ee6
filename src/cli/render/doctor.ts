/** What the doctor found, one line a finding. */

import type { Finding } from '../../doctor/finding.js';
import type { Paint } from '../output.js';

const COLOUR = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
const WIDTH = 'fail'.length;

export function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  return findings.map(({ check, level, what, todo }) => {
    const line = `${paint(COLOUR[level], level.padEnd(WIDTH))}  ${check}: ${what}`;
    return todo === undefined ? line : `${line}; to do: ${todo}`;
  });
}
