/** Which clients a selector means. */

import type { Selector } from './command.js';
import type { Client, NlmFiles } from './state.js';

/** Through the index by address where it is given; by name alone over the clients, of which there are few. */
export function clientsOf(state: NlmFiles, selector: Extract<Selector, { type: 'client' }>): Client[] {
  const { name, address } = selector;
  if (address === undefined) {
    return state.clients.filter((client): client is Client => client !== undefined && client.name === name);
  }
  const sameAddress = state.clientsByAddress.get(address);
  if (sameAddress === undefined) return [];
  if (name === undefined) return [...sameAddress.values()];
  const client = sameAddress.get(name);
  return client === undefined ? [] : [client];
}
