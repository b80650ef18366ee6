/** Port mapper arguments and results between bytes and types.ts. The order of the fields is the order on the wire. */
import type { Bytes } from '../base/bytes.js';
import type { Codec } from '../xdr/codec.js';
import { XdrError } from '../xdr/error.js';
import type { Mapping, Rpcb, RpcbEntry } from './types.js';

/** RFC 1833 leaves netids, addresses and owners unbounded; libtirpc's own limits are below this. */
export const RPCB_STRING_BYTES_MAX = 256;
/** Entries of a DUMP. A busy host has some dozens. */
export const DUMP_ENTRIES_MAX = 4096;

export const UINT: Codec<number> = {
  decode: (reader) => reader.uint(),
  encode: (writer, value) => writer.uint(value),
};

export const BOOL: Codec<boolean> = {
  decode: (reader) => reader.bool(),
  encode: (writer, value) => writer.bool(value),
};

/** The result of GETADDR. */
export const ADDRESS: Codec<Bytes> = {
  decode: (reader) => reader.string(RPCB_STRING_BYTES_MAX),
  encode: (writer, value) => writer.string(value),
};

export const MAPPING: Codec<Mapping> = {
  decode: (reader) => ({
    prog: reader.uint(),
    vers: reader.uint(),
    prot: reader.uint(),
    port: reader.uint(),
  }),
  encode: (writer, mapping) => {
    writer.uint(mapping.prog);
    writer.uint(mapping.vers);
    writer.uint(mapping.prot);
    writer.uint(mapping.port);
  },
};

export const RPCB: Codec<Rpcb> = {
  decode: (reader) => ({
    r_prog: reader.uint(),
    r_vers: reader.uint(),
    r_netid: reader.string(RPCB_STRING_BYTES_MAX),
    r_addr: reader.string(RPCB_STRING_BYTES_MAX),
    r_owner: reader.string(RPCB_STRING_BYTES_MAX),
  }),
  encode: (writer, rpcb) => {
    writer.uint(rpcb.r_prog);
    writer.uint(rpcb.r_vers);
    writer.string(rpcb.r_netid);
    writer.string(rpcb.r_addr);
    writer.string(rpcb.r_owner);
  },
};

const RPCB_ENTRY: Codec<RpcbEntry> = {
  decode: (reader) => ({
    r_maddr: reader.string(RPCB_STRING_BYTES_MAX),
    r_nc_netid: reader.string(RPCB_STRING_BYTES_MAX),
    r_nc_semantics: reader.uint(),
    r_nc_protofmly: reader.string(RPCB_STRING_BYTES_MAX),
    r_nc_proto: reader.string(RPCB_STRING_BYTES_MAX),
  }),
  encode: (writer, entry) => {
    writer.string(entry.r_maddr);
    writer.string(entry.r_nc_netid);
    writer.uint(entry.r_nc_semantics);
    writer.string(entry.r_nc_protofmly);
    writer.string(entry.r_nc_proto);
  },
};

/** The result of DUMP in version 2. */
export const PMAPLIST: Codec<readonly Mapping[]> = listOf(MAPPING);
/** The result of DUMP in versions 3 and 4. */
export const RPCBLIST: Codec<readonly Rpcb[]> = listOf(RPCB);
/** The result of GETADDRLIST. */
export const RPCB_ENTRY_LIST: Codec<readonly RpcbEntry[]> = listOf(RPCB_ENTRY);

/** A list of optional-data (RFC 4506 section 4.19): TRUE before each entry, FALSE behind the last. */
function listOf<T>(entry: Codec<T>): Codec<readonly T[]> {
  return {
    decode: (reader) => {
      const entries: T[] = [];
      while (reader.bool()) {
        if (entries.length === DUMP_ENTRIES_MAX) {
          throw new XdrError('too-long', `a list of more than ${DUMP_ENTRIES_MAX} entries`);
        }
        entries.push(entry.decode(reader));
      }
      return entries;
    },
    encode: (writer, entries) => {
      for (const value of entries) {
        writer.bool(true);
        entry.encode(writer, value);
      }
      writer.bool(false);
    },
  };
}
