/** How one field of an event is written in its record, and read back with its type checked: the edge of the codec. */

import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { MsgpackReader } from '../base/msgpack-reader.js';
import type { MsgpackWriter } from '../base/msgpack-writer.js';
import type { U64 } from '../base/u64.js';

export interface Field<T> {
  readonly write: (out: MsgpackWriter, value: T) => void;
  /** Throws LedgerError `damaged`. */
  readonly read: (from: MsgpackReader) => T;
}

export function damagedEvent(what: string): LedgerError {
  return new LedgerError('damaged', `An event of the ledger is not what any release writes: ${what}.`);
}

/** A count, an id or a time. */
export const number: Field<number> = {
  write: (out, value) => out.number(value),
  read: (from) => from.number(),
};

export const text: Field<string> = {
  write: (out, value) => out.text(value),
  read: (from) => from.text(),
};

export const flag: Field<boolean> = {
  write: (out, value) => out.number(value ? 1 : 0),
  read: (from) => {
    const value = from.number();
    if (value !== 0 && value !== 1) throw damagedEvent('a flag');
    return value === 1;
  },
};

/** Opaque bytes travel as binary. */
export const bytes: Field<Bytes> = {
  write: (out, value) => out.binary(value),
  read: (from) => from.binary(),
};

export const wide: Field<U64> = {
  write: (out, value) => out.u64(value),
  read: (from) => from.u64(),
};

/** One of a list that only ever grows at its end; the record has its index. */
export function choice<T extends string>(...names: readonly T[]): Field<T> {
  return {
    write: (out, value) => out.number(names.indexOf(value)),
    read: (from) => {
      const found = names[from.number()];
      if (found === undefined) throw damagedEvent(`one of ${names.join(', ')}`);
      return found;
    },
  };
}

export function list<T>(element: Field<T>): Field<readonly T[]> {
  return {
    write: (out, values) => {
      out.array(values.length);
      for (const value of values) element.write(out, value);
    },
    read: (from) => {
      const found: T[] = [];
      for (let left = from.array(); left > 0; left -= 1) found.push(element.read(from));
      return found;
    },
  };
}

/** The fields of an object in a fixed order. */
export function tuple<T extends object>(fields: { readonly [K in keyof T]-?: Field<T[K]> }): Field<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write: (out, value) => {
      out.array(names.length);
      for (const name of names) fields[name].write(out, value[name]);
    },
    read: (from) => {
      if (from.array() !== names.length) throw damagedEvent('a tuple');
      // The type says that there is a field for every key.
      return Object.fromEntries(names.map((name) => [name, fields[name].read(from)])) as T;
    },
  };
}

/** A map of names to numbers: what it has grows with the releases, and a reader keeps what it does not know. */
export function record<T extends object>(): Field<T> {
  return {
    write: (out, value) => {
      // Names and numbers, by what the reader below accepts.
      const entries = Object.entries(value) as [string, number][];
      out.map(entries.length);
      for (const [name, field] of entries) {
        out.text(name);
        out.number(field);
      }
    },
    read: (from) => {
      const plain: [string, number][] = [];
      for (let left = from.map(); left > 0; left -= 1) plain.push([from.text(), from.number()]);
      // Names and numbers; which names there must be is the schema's word.
      return Object.fromEntries(plain) as T;
    },
  };
}
