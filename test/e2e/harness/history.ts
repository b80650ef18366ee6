/**
 * What the clients' processes asked for and were told, on one clock, and the judgement over it: whether two of them held
 * what excludes each other. The servers have no word in it.
 *
 * A process holds a lock for certain from the moment its answer is here until the moment its unlock is sent from here:
 * both are on this machine's clock, and within the time in which it really holds it. So two that overlap are a fault,
 * and no fault is due to the way of the words.
 */

export interface Held {
  readonly owner: string;
  readonly file: string;
  readonly exclusive: boolean;
  /** Of bytes; the last one is in it. */
  readonly first: number;
  readonly last: number;
  readonly from: number;
  to: number;
}

/** Two that were held at the same time and exclude each other, in words. */
export function conflictsOf(held: readonly Held[]): string[] {
  return held.flatMap((one, index) =>
    held
      .slice(index + 1)
      .filter((other) => {
        const meet = one.first <= other.last && other.first <= one.last && one.from < other.to && other.from < one.to;
        return meet && one.file === other.file && one.owner !== other.owner && (one.exclusive || other.exclusive);
      })
      .map((other) => `${wordsOf(one)}, and ${wordsOf(other)}`),
  );
}

function wordsOf({ owner, file, first, last, from, to }: Held): string {
  return `${owner} held ${file} ${first}-${last} from ${from.toFixed(1)} to ${to.toFixed(1)}`;
}

export class History {
  readonly held: Held[] = [];

  /** The commands of a holder (guest/holder.c) go through the function that it answers. */
  owner(owner: string): OwnerHistory {
    return new OwnerHistory(owner, this.held);
  }
}

export class OwnerHistory {
  private readonly owner: string;
  private readonly held: Held[];
  private readonly files = new Map<string, string>();
  private readonly open = new Set<Held>();

  constructor(owner: string, held: Held[]) {
    this.owner = owner;
    this.held = held;
  }

  /** A command leaves. */
  posted(command: string): void {
    const [verb = '', slot = '', path = ''] = command.split(' ');
    if (verb === 'open') this.files.set(slot, path);
    if (verb !== 'unlock') return;
    const { file, first, last } = this.range(command);
    // A part that is given back ends the whole: what is left is judged no more.
    for (const one of this.open) if (one.file === file && one.first <= last && first <= one.last) this.close(one);
  }

  /** Its answer is here. */
  answered(command: string, result: string): void {
    const [verb = '', , type = ''] = command.split(' ');
    if (result !== 'OK' || (verb !== 'lock' && verb !== 'wait')) return;
    const { file, first, last } = this.range(command);
    const from = performance.now();
    const one = { owner: this.owner, file, exclusive: type === 'w', first, last, from, to: Infinity };
    this.held.push(one);
    this.open.add(one);
  }

  /** The process is about to end. */
  ended(): void {
    for (const one of this.open) this.close(one);
  }

  private close(one: Held): void {
    one.to = performance.now();
    this.open.delete(one);
  }

  private range(command: string): { readonly file: string; readonly first: number; readonly last: number } {
    const [, slot = '', , start = '', length = ''] = command.split(' ');
    const last = Number(length) === 0 ? Infinity : Number(start) + Number(length) - 1;
    return { file: this.files.get(slot) ?? '', first: Number(start), last };
  }
}
