/** What the demo says: chapters, facts with their time, and the output of commands. Plain text off a terminal. */

import type { Paint, Screen } from '../../src/cli/output.js';

const FACT_WIDTH = 84;
const TEXT_WIDTH = 96;

export class Narrator {
  readonly #screen: Screen;
  readonly #paint: Paint;
  #chapters = 0;
  #muted = false;

  constructor(screen: Screen, paint: Paint) {
    this.#screen = screen;
    this.#paint = paint;
  }

  /** After an interruption nothing more is said of the story. */
  mute(): void {
    this.#muted = true;
  }

  chapter(title: string): void {
    this.#chapters += 1;
    this.#line('');
    this.#line(this.#paint('bold', `${this.#chapters}. ${title}`));
  }

  say(text: string): void {
    for (const line of wrapped(text, TEXT_WIDTH)) this.#line(`   ${line}`);
  }

  /** Something that was checked. */
  fact(text: string, ms?: number): void {
    const time = ms === undefined ? '' : timeText(ms);
    this.#line(`   ${this.#paint('green', 'ok')}  ${text.padEnd(time === '' ? 0 : FACT_WIDTH)}${time}`);
  }

  command(text: string): void {
    this.#line(`   ${this.#paint('bold', `$ ${text}`)}`);
  }

  output(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#line(this.#paint('dim', `   | ${line}`));
  }

  #line(text: string): void {
    if (!this.#muted) this.#screen.write(`${text}\n`);
  }
}

export function timeText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms`.padStart(8) : `${(ms / 1000).toFixed(1)} s`.padStart(8);
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
