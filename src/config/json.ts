/**
 * JSON (RFC 8259) read with the place of every value and key, so that each error of a configuration can say where it
 * is. Stricter than JSON.parse: a key that stands twice in one object is an error.
 */

export interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters as JavaScript counts them. */
  readonly column: number;
}

export interface LocatedJson {
  readonly value: unknown;
  /** By JSON Pointer (RFC 6901); the place of a member of an object is that of its key. */
  readonly places: ReadonlyMap<string, Place>;
}

export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  readonly place: Place;
  /** What may stand there. */
  readonly expected: string;

  constructor(place: Place, expected: string) {
    super(`expected ${expected}`);
    this.place = place;
    this.expected = expected;
  }
}

const DEPTH_MAX = 32;
const TOKEN =
  /[ \t\n\r]*(?:([{}[\]:,])|("(?:[^"\\]|\\[^])*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null))/y;

interface Token {
  readonly kind: 'punctuation' | 'string' | 'literal';
  readonly text: string;
  readonly offset: number;
}

/** @throws JsonSyntaxError */
export function parseLocatedJson(text: string): LocatedJson {
  return new Parser(text).document();
}

export function joinPointer(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

class Parser {
  readonly #text: string;
  readonly #places = new Map<string, Place>();
  #offset = 0;

  constructor(text: string) {
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  document(): LocatedJson {
    const first = this.#next('a value');
    this.#places.set('', this.#place(first.offset));
    const value = this.#value(first, '', 0);
    const rest = this.#text.slice(this.#offset).search(/[^ \t\n\r]/);
    if (rest >= 0) throw this.#error(this.#offset + rest, 'the end of the file');
    return { value, places: this.#places };
  }

  #value(token: Token, pointer: string, depth: number): unknown {
    if (token.kind === 'string') return this.#string(token);
    if (token.kind === 'literal') return JSON.parse(token.text);
    if (depth >= DEPTH_MAX) throw this.#error(token.offset, `at most ${DEPTH_MAX} levels`);
    if (token.text === '{') return this.#object(pointer, depth);
    if (token.text === '[') return this.#array(pointer, depth);
    throw this.#error(token.offset, 'a value');
  }

  #object(pointer: string, depth: number): unknown {
    const members = new Map<string, unknown>();
    let token = this.#next('a key in double quotes, or }');
    if (token.text === '}') return {};
    for (;;) {
      if (token.kind !== 'string') throw this.#error(token.offset, 'a key in double quotes');
      const key = this.#string(token);
      if (members.has(key)) throw this.#error(token.offset, `each key once, and ${token.text} stands here again`);
      const below = joinPointer(pointer, key);
      this.#places.set(below, this.#place(token.offset));
      const colon = this.#next('a colon');
      if (colon.text !== ':') throw this.#error(colon.offset, 'a colon');
      members.set(key, this.#value(this.#next('a value'), below, depth + 1));
      const comma = this.#next('a comma or }');
      // fromEntries makes `__proto__` a key like any other.
      if (comma.text === '}') return Object.fromEntries(members);
      if (comma.text !== ',') throw this.#error(comma.offset, 'a comma or }');
      token = this.#next('a key in double quotes');
    }
  }

  #array(pointer: string, depth: number): unknown {
    const items: unknown[] = [];
    let token = this.#next('a value or ]');
    if (token.text === ']') return items;
    for (;;) {
      const below = joinPointer(pointer, items.length);
      this.#places.set(below, this.#place(token.offset));
      items.push(this.#value(token, below, depth + 1));
      const comma = this.#next('a comma or ]');
      if (comma.text === ']') return items;
      if (comma.text !== ',') throw this.#error(comma.offset, 'a comma or ]');
      token = this.#next('a value');
    }
  }

  #string(token: Token): string {
    try {
      return String(JSON.parse(token.text));
    } catch {
      throw this.#error(token.offset, 'a string on one line whose backslashes are escapes of JSON');
    }
  }

  #next(expected: string): Token {
    TOKEN.lastIndex = this.#offset;
    const match = TOKEN.exec(this.#text);
    if (match === null) {
      const blank = this.#text.slice(this.#offset).search(/[^ \t\n\r]/);
      throw this.#error(blank < 0 ? this.#text.length : this.#offset + blank, expected);
    }
    this.#offset = TOKEN.lastIndex;
    const [, punctuation, string, literal] = match;
    const text = punctuation ?? string ?? literal ?? '';
    const kind = punctuation !== undefined ? 'punctuation' : string !== undefined ? 'string' : 'literal';
    return { kind, text, offset: this.#offset - text.length };
  }

  #place(offset: number): Place {
    const before = this.#text.slice(0, offset);
    const lineStart = before.lastIndexOf('\n') + 1;
    return { line: before.split('\n').length, column: offset - lineStart + 1 };
  }

  #error(offset: number, expected: string): JsonSyntaxError {
    return new JsonSyntaxError(this.#place(offset), expected);
  }
}
