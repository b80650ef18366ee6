/** `start`, whole: the run of a node and its wiring. */

import type { Start } from './cli/commands/start.js';
import { runNode } from './cli/run-node.js';
import { compose } from './compose.js';

export const start: Start = (options, context) => runNode(options, context, compose);
