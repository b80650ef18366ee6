/** The formats of strings that schemas/configuration.json names, each as the parser of its type has it. */

import { parseAddress, parseNetwork } from '../base/address.js';
import { parseServer } from '../bus/server.js';
import { readPublicKey } from '../signing/nkey.js';

export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  address: parses(parseAddress),
  network: parses(parseNetwork),
  nkey: parses(readPublicKey),
  'nats-server': parses(parseServer),
};

function parses(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}
