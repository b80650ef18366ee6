/** Messages of real peers, kept in test/golden; each file says where they were captured. */
import { readFileSync } from 'node:fs';

export interface GoldenMessage {
  /** The procedure and `call` or `reply`. */
  readonly name: string;
  readonly from: string;
  readonly version: number;
  readonly procedure: number;
  /** A whole RPC message without its record mark. */
  readonly hex: string;
}

export function goldenMessages(file: 'nlm' | 'nsm' | 'portmap'): readonly GoldenMessage[] {
  const parsed = JSON.parse(readFileSync(`test/golden/${file}.json`, 'utf8')) as { messages: readonly GoldenMessage[] };
  return parsed.messages;
}
