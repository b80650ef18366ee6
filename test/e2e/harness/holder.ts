/** A process in a guest that takes and gives back locks as it is told: guest/holder.c, one promise a command. */
import { within } from './events.js';
import type { Guest, GuestProcess } from './guest.js';
import type { OwnerHistory } from './history.js';

export interface Answer {
  /** "OK", the name of an errno, or what the command says (see guest/holder.c). */
  readonly result: string;
  /** Of the guest's monotonic clock. */
  readonly beginNs: bigint;
  readonly endNs: bigint;
}

/** A command under way. */
export interface Pending {
  readonly number: number;
  readonly answer: Promise<Answer>;
  /** Not answered so far. */
  readonly open: boolean;
}

const limitMs = 90_000;

export class Holder {
  readonly guest: Guest;
  private readonly process: GuestProcess;
  private readonly history: OwnerHistory | undefined;
  private count = 0;
  private read = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  /** With `mark`, each command is announced by datagrams to that address, under `name`; `history` keeps them all. */
  constructor(
    guest: Guest,
    options: { readonly name?: string; readonly mark?: string; readonly history?: OwnerHistory } = {},
  ) {
    this.guest = guest;
    this.history = options.history;
    const mark = options.mark === undefined ? '' : `MARK=${options.mark} NAME=${options.name ?? 'holder'} `;
    this.process = guest.start(`${mark}exec holder`);
    this.process.onOutput(() => this.answers());
  }

  /** Starts a command and does not wait for it. */
  post(command: string): Pending {
    const number = (this.count += 1);
    let open = true;
    const answer = new Promise<Answer>((resolve) => {
      this.waiting.set(number, (value) => {
        open = false;
        this.history?.answered(command, value.result);
        resolve(value);
      });
    });
    this.history?.posted(command);
    this.process.send(`${number} ${command}\n`);
    return {
      number,
      answer,
      get open() {
        return open;
      },
    };
  }

  async do(command: string): Promise<string> {
    return (await this.finish(this.post(command), command)).result;
  }

  /** Waits for the end of a posted command. */
  async finish(pending: Pending, what = 'a posted command', withinMs = limitMs): Promise<Answer> {
    return within(`${this.guest.name}: ${what}`, withinMs, pending.answer);
  }

  /** Starts a blocking lock and comes back when the guest's kernel waits for it: the server has answered BLOCKED. */
  async wait(command: string): Promise<Pending> {
    const pending = this.post(command);
    const state = await this.do(`blocked ${pending.number}`);
    if (!state.startsWith('WAITS')) {
      throw new Error(`${this.guest.name}: "${command}" did not wait: ${(await pending.answer).result}`);
    }
    return pending;
  }

  async interrupt(pending: Pending): Promise<void> {
    await this.do(`interrupt ${pending.number}`);
  }

  /** Opens a file in a slot; throws when it cannot. */
  async open(slot: number, path: string, mode: 'ro' | 'wo' | 'rw' = 'rw'): Promise<void> {
    const result = await this.do(`open ${slot} ${path} ${mode}`);
    if (result !== 'OK') throw new Error(`${this.guest.name}: open ${path}: ${result}`);
  }

  /** Its guest is about to lose its power. */
  gone(): void {
    this.history?.ended();
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.history?.ended();
    this.process.signal(9);
    await within('end of a killed holder', limitMs, this.process.ended);
  }

  private answers(): void {
    for (;;) {
      const end = this.process.output.indexOf('\n', this.read);
      if (end < 0) return;
      const line = this.process.output.slice(this.read, end);
      this.read = end + 1;
      const [, number, begin, finish, result] = /^(\d+) (\d+) (\d+) (.*)$/.exec(line) ?? [];
      if (number === undefined || begin === undefined || finish === undefined || result === undefined) {
        throw new Error(`the holder said: ${line}`);
      }
      this.waiting.get(Number(number))?.({ result, beginNs: BigInt(begin), endNs: BigInt(finish) });
      this.waiting.delete(Number(number));
    }
  }
}
