/** What holds for every message of every table: exact bytes both ways, and a clean XdrError at every truncation. */
import type { ExecutionContext } from 'ava';
import { bytesFrom } from '../../src/base/bytes.js';
import type { Codec } from '../../src/xdr/codec.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import type { GoldenMessage } from './golden.js';
import { decodeCall, decodeReply, encodeCall, encodeSuccess } from '../../src/rpc/message.js';

/** A codec whose type the table knows and a loop over the table does not. */
export interface AnyCodec {
  readonly decode: (reader: XdrReader) => unknown;
  readonly encode: (writer: XdrWriter, value: never) => void;
}

/** One message of a table: the entry's codec, a value, and the bytes that it must be. */
export interface Sample {
  readonly title: string;
  readonly codec: AnyCodec;
  readonly value: unknown;
  readonly bytes: Buffer;
}

export function sample<T>(title: string, codec: Codec<T> | undefined, value: T, bytes: Buffer): Sample {
  if (codec === undefined) throw new Error(`${title}: not in the table`);
  return { title, codec, value, bytes };
}

function encoded(codec: AnyCodec, value: unknown): Buffer {
  const writer = new XdrWriter();
  // `sample` saw to it that the value fits the codec.
  codec.encode(writer, value as never);
  return writer.take();
}

export function checkSample(t: ExecutionContext, { title, codec, value, bytes }: Sample): void {
  t.deepEqual(encoded(codec, value), bytes, `${title}: encoded`);
  const surrounded = Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(5, 0xee)]);
  const reader = new XdrReader(surrounded, 3, 3 + bytes.length);
  t.deepEqual(codec.decode(reader), value, `${title}: decoded`);
  t.is(reader.remaining, 0, `${title}: read to its end`);
  for (let end = 0; end < bytes.length; end += 1) {
    t.throws(
      () => codec.decode(new XdrReader(surrounded, 3, 3 + end)),
      { instanceOf: XdrError },
      `${title} cut at ${end}`,
    );
  }
}

/** Decodes a captured message with the codecs of its entry and encodes it again, byte for byte. */
export function checkGolden(
  t: ExecutionContext,
  message: GoldenMessage,
  program: number,
  entry: { readonly args: AnyCodec; readonly result: AnyCodec } | undefined,
): void {
  if (entry === undefined) return t.fail(`${message.name}: not in the table`);
  const bytes = Buffer.from(message.hex, 'hex');
  const reader = new XdrReader(bytes);
  const writer = new XdrWriter();
  if (message.name.endsWith(' call')) {
    const call = decodeCall(reader);
    t.is(call.refusal, undefined);
    t.deepEqual([call.program, call.version, call.procedure], [program, message.version, message.procedure]);
    // A credential is passed over, not kept: its bytes are taken as they are, and the rest is encoded anew.
    const [flavor, length] = [bytes.readUInt32BE(24), bytes.readUInt32BE(28)];
    const credential = { flavor, body: bytesFrom(bytes.subarray(32, 32 + length)) };
    t.is(call.flavor, flavor);
    encodeCall(writer, { ...call, credential });
    // What a codec decoded it also encodes.
    entry.args.encode(writer, entry.args.decode(reader) as never);
  } else {
    const reply = decodeReply(reader);
    t.is(reply.type, 'SUCCESS');
    encodeSuccess(writer, reply.xid);
    entry.result.encode(writer, entry.result.decode(reader) as never);
  }
  t.is(reader.remaining, 0, `${message.name}, ${message.from}: read to its end`);
  t.is(writer.take().toString('hex'), message.hex, `${message.name}, ${message.from}`);
}
