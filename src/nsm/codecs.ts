/** NSM's arguments and results between bytes and types.ts. The order of the fields is the order on the wire. */
import type { Codec } from '../xdr/codec.js';
import type { Mon, MonId, MyId, SmName, SmRes, SmStat, SmStatRes, SmStatus, StatChge } from './types.js';

/** `SM_MAXSTRLEN`, in bytes. */
export const SM_NAME_BYTES_MAX = 1024;
/** `opaque priv[16]`. */
const SM_PRIVATE_BYTES = 16;
/** `res` ends with STAT_FAIL. */
const SM_RES_LAST = 1;

export const SM_NAME: Codec<SmName> = {
  decode: (reader) => ({ mon_name: reader.string(SM_NAME_BYTES_MAX) }),
  encode: (writer, name) => writer.string(name.mon_name),
};

export const MY_ID: Codec<MyId> = {
  decode: (reader) => ({
    my_name: reader.string(SM_NAME_BYTES_MAX),
    my_prog: reader.int(),
    my_vers: reader.int(),
    my_proc: reader.int(),
  }),
  encode: (writer, id) => {
    writer.string(id.my_name);
    writer.int(id.my_prog);
    writer.int(id.my_vers);
    writer.int(id.my_proc);
  },
};

export const MON_ID: Codec<MonId> = {
  decode: (reader) => ({
    mon_name: reader.string(SM_NAME_BYTES_MAX),
    my_id: MY_ID.decode(reader),
  }),
  encode: (writer, id) => {
    writer.string(id.mon_name);
    MY_ID.encode(writer, id.my_id);
  },
};

export const MON: Codec<Mon> = {
  decode: (reader) => ({
    mon_id: MON_ID.decode(reader),
    priv: reader.fixed(SM_PRIVATE_BYTES),
  }),
  encode: (writer, mon) => {
    MON_ID.encode(writer, mon.mon_id);
    writer.fixed(mon.priv);
  },
};

export const SM_STAT_RES: Codec<SmStatRes> = {
  decode: (reader) => ({
    // The cast states what the bound has checked.
    res_stat: reader.enumeration(SM_RES_LAST) as SmRes,
    state: reader.int(),
  }),
  encode: (writer, res) => {
    writer.uint(res.res_stat);
    writer.int(res.state);
  },
};

export const SM_STAT: Codec<SmStat> = {
  decode: (reader) => ({ state: reader.int() }),
  encode: (writer, stat) => writer.int(stat.state),
};

export const STAT_CHGE: Codec<StatChge> = {
  decode: (reader) => ({
    mon_name: reader.string(SM_NAME_BYTES_MAX),
    state: reader.int(),
  }),
  encode: (writer, change) => {
    writer.string(change.mon_name);
    writer.int(change.state);
  },
};

/** Not a procedure of NSM: the arguments of `my_proc` when it is called back. */
export const SM_STATUS: Codec<SmStatus> = {
  decode: (reader) => ({
    mon_name: reader.string(SM_NAME_BYTES_MAX),
    state: reader.int(),
    priv: reader.fixed(SM_PRIVATE_BYTES),
  }),
  encode: (writer, status) => {
    writer.string(status.mon_name);
    writer.int(status.state);
    writer.fixed(status.priv);
  },
};
