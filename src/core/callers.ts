/**
 * From which ports clients called lately, as the fold knows it by its reply caches. Who takes a group from an owner that
 * is gone finds the connections by it that its clients still believe in.
 */

import type { ClientId } from './event.js';
import type { NlmFiles } from './state.js';

export interface Caller {
  readonly address: string;
  readonly port: number;
}

/** One client has a connection for each address that it came in through, and perhaps an old one. */
const PORTS_PER_CLIENT = 4;

/** The newest first, `countMax` at most; those over UDP are among them. */
export function recentCallers(state: NlmFiles, countMax: number): readonly Caller[] {
  const times = new Map<ClientId, Map<number, number>>();
  const see = (client: ClientId, port: number, time: number): void => {
    const ports = times.get(client) ?? new Map<number, number>();
    times.set(client, ports);
    ports.set(port, Math.max(time, ports.get(port) ?? 0));
  };
  state.lockCalls.each(see);
  state.replies.each(see);
  return [...times]
    .flatMap(([client, ports]) => {
      const address = state.clients[client]?.address;
      if (address === undefined) return [];
      return newest([...ports].map(([port, time]) => ({ address, port, time }))).slice(0, PORTS_PER_CLIENT);
    })
    .toSorted((a, b) => b.time - a.time)
    .slice(0, countMax)
    .map(({ address, port }) => ({ address, port }));
}

function newest<T extends { readonly time: number }>(callers: readonly T[]): readonly T[] {
  return callers.toSorted((a, b) => b.time - a.time);
}
