/** What a node that was started on a terminal says: what it listens on, where the ledger lies, what is off, what to try. */

import type { StatusReply } from '../../admin/messages.js';
import type { Configuration } from '../../config/configuration.js';
import type { Paint } from '../output.js';
import { groupLine, listenerLine, registrationLines } from './status.js';

/** `foundSocket`: whether the other commands find the socket without being told. */
export function welcomeLines(
  status: StatusReply,
  configuration: Pick<Configuration, 'socket' | 'listen' | 'nlmPort'>,
  foundSocket: boolean,
  paint: Paint,
): string[] {
  const { socket, listen, nlmPort } = configuration;
  const named = foundSocket ? '' : ` --socket ${socket}`;
  const server = listen[0] ?? '127.0.0.1';
  const address = server === '127.0.0.1' ? '' : ` --server ${server}`;
  const call = `npx nlm-ledger call lock --file demo${address} --port ${nlmPort}`;
  return [
    `${paint('bold', 'nlm-ledger')} ${status.release}, node ${status.node}`,
    ...status.groups.map((group) => `  ${groupLine(group, paint)}`),
    ...status.listeners.map((listener) => `  ${listenerLine(listener)}`),
    `  ledger in ${status.data}`,
    `  socket ${socket}`,
    ...registrationLines(status).map((line) => `  ${line}`),
    ...status.notes.map((note) => `  ${paint('yellow', 'note')} ${note}`),
    '',
    paint('bold', 'try, in another terminal:'),
    `  ${call}`,
    `  npx nlm-ledger locks${named}`,
    `  npx nlm-ledger unlock-ip ${server}${named}`,
    '  npx nlm-ledger --help',
    '',
  ];
}
