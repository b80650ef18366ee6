#!/usr/bin/env node
/** The entry: hands the command line what it may touch of the process. */

import process from 'node:process';

import { runCommandLine } from './cli/program.js';
import { release } from './host/release.js';

// Where nothing is left to wait for, the process ends here: Node 20 frees itself in a loop that may turn for ever where a
// socket was cut off in the middle of a write.
process.once('beforeExit', (code) => process.exit(code));
process.exitCode = await runCommandLine({
  argv: process.argv.slice(2),
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  release: release(),
  // Loaded here alone: every other command begins in a fraction of the time.
  start: async (options, context) => (await import('./start.js')).start(options, context),
});
