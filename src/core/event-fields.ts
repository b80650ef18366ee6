/** How one field of an event is written in its record, and read back with its type checked: the edge of the codec. */

import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { MsgpackWriter } from '../base/msgpack-writer.js';
import { u64FromBigInt, u64FromNumber, type U64 } from '../base/u64.js';

export interface Field<T> {
  readonly write: (out: MsgpackWriter, value: T) => void;
  readonly read: (value: unknown) => T;
}

export function damagedEvent(what: string): LedgerError {
  return new LedgerError('damaged', `An event of the ledger is not what any release writes: ${what}.`);
}

/** A count, an id or a time. Whole numbers beyond 32 bit may come back as a bigint. */
export const number: Field<number> = {
  write: (out, value) => out.number(value),
  read: (value) => {
    const found = typeof value === 'bigint' ? Number(value) : value;
    if (typeof found !== 'number' || !Number.isSafeInteger(found)) throw damagedEvent('a number');
    return found;
  },
};

export const text: Field<string> = {
  write: (out, value) => out.text(value),
  read: (value) => {
    if (typeof value !== 'string') throw damagedEvent('a text');
    return value;
  },
};

export const flag: Field<boolean> = {
  write: (out, value) => out.number(value ? 1 : 0),
  read: (value) => {
    if (value !== 0 && value !== 1) throw damagedEvent('a flag');
    return value === 1;
  },
};

/** Opaque bytes travel as binary. */
export const bytes: Field<Bytes> = {
  write: (out, value) => out.binary(value),
  read: (value) => {
    if (!(value instanceof Uint8Array)) throw damagedEvent('opaque bytes');
    let found = '';
    for (const byte of value) found += String.fromCharCode(byte);
    // One character a byte by construction.
    return found as Bytes;
  },
};

/** A number where the high word is 0, else a bigint: both are whole and unsigned. */
export const wide: Field<U64> = {
  write: (out, value) => out.u64(value),
  read: (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return u64FromNumber(value);
    if (typeof value === 'bigint' && value >= 0n && value < 1n << 64n) return u64FromBigInt(value);
    throw damagedEvent('an unsigned 64-bit integer');
  },
};

/** One of a list that only ever grows at its end; the record has its index. */
export function choice<T extends string>(...names: readonly T[]): Field<T> {
  return {
    write: (out, value) => out.number(names.indexOf(value)),
    read: (value) => {
      const found = typeof value === 'number' ? names[value] : undefined;
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
    read: (value) => {
      if (!Array.isArray(value)) throw damagedEvent('a list');
      return value.map((each) => element.read(each));
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
    read: (value) => {
      if (!Array.isArray(value)) throw damagedEvent('a tuple');
      // The type says that there is a field for every key.
      return Object.fromEntries(names.map((name, i) => [name, fields[name].read(value[i])])) as T;
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
    read: (value) => {
      if (typeof value !== 'object' || value === null) throw damagedEvent('a map');
      const plain = Object.entries(value).map(([name, field]) => [name, number.read(field)]);
      // Checked as names and numbers; which names there must be is the schema's word.
      return Object.fromEntries(plain) as T;
    },
  };
}
