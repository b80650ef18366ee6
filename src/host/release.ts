/** The release of this program, as its package says. */

import { readFileSync } from 'node:fs';

export function release(): string {
  // The package's own file: its form is ours.
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
