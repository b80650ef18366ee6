/** The names of a group on the bus: its subjects and its streams. */

export function ledgerSubject(group: string): string {
  return `nlm.ledger.${group}`;
}

/** Between nodes: heads, entries and checkpoints are asked for, `synced` and `agreed` are told. */
export function peerSubject(group: string, what: 'heads' | 'entries' | 'checkpoint' | 'synced' | 'agreed'): string {
  return `nlm.peer.${group}.${what}`;
}

export function streamName(group: string, generation: number): string {
  return `NLM_${group}_${generation}`;
}

/** Undefined where the stream is no generation of this group. */
export function generationOf(group: string, stream: string): number | undefined {
  const prefix = `NLM_${group}_`;
  const digits = stream.startsWith(prefix) ? stream.slice(prefix.length) : '';
  return /^[1-9][0-9]{0,8}$/.test(digits) ? Number(digits) : undefined;
}

/** Undefined where the stream is no generation of a group. */
export function groupOf(stream: string): string | undefined {
  return /^NLM_(.+)_[1-9][0-9]{0,8}$/.exec(stream)?.[1];
}
