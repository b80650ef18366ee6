/** A progress bar on stderr, where that is a terminal and the work takes longer than a second. */

import { SingleBar } from 'cli-progress';
import type { Screen } from './output.js';
import { ageText } from './render/text.js';

const SHOWN_AFTER_MS = 1000;

export class Progress {
  readonly #screen: Screen;
  readonly #begun = performance.now();
  #bar: SingleBar | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** `done` of `total`, both in positions of the ledger. */
  show(what: string, done: number, total: number): void {
    if (this.#screen.isTTY !== true || performance.now() - this.#begun < SHOWN_AFTER_MS) return;
    if (this.#bar === undefined) {
      const format = '{what} {bar} {percentage}% | {value} of {total} entries | {duration_formatted}{left}';
      this.#bar = new SingleBar({ format, stream: this.#screen, clearOnComplete: true, hideCursor: true, barsize: 24 });
      this.#bar.start(total, done, { what, left: this.#left(done, total) });
    }
    this.#bar.setTotal(total);
    this.#bar.update(done, { what, left: this.#left(done, total) });
  }

  /** By what it took so far; the bar's own guess needs several values, and has no words before. */
  #left(done: number, total: number): string {
    if (done <= 0) return '';
    return `, ${ageText(((performance.now() - this.#begun) / done) * (total - done))} left`;
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
