/** The kernel's side of FUSE, built from the header's structures by hand: requests out, replies apart. Little-endian. */

export type Part = readonly [size: 1 | 2 | 4 | 8, value: number | bigint] | string | Uint8Array;

export const u32 = (value: number): Part => [4, value];
export const u64 = (value: number | bigint): Part => [8, value];

export function bytesOf(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(`${part}\0`, 'latin1');
      if (part instanceof Uint8Array) return part;
      const [size, value] = part;
      let rest = BigInt(value);
      return Uint8Array.from({ length: size }, () => {
        const byte = Number(rest & 0xffn);
        rest >>= 8n;
        return byte;
      });
    }),
  );
}

export function request(opcode: number, node: number, unique: number, ...body: Part[]): Buffer {
  const bytes = bytesOf(...body);
  const header = bytesOf(
    u32(40 + bytes.length),
    u32(opcode),
    u64(unique),
    u64(node),
    u32(1000),
    u32(100),
    u32(77),
    u32(0),
  );
  return Buffer.concat([header, bytes]);
}

export interface Reply {
  readonly length: number;
  readonly error: number;
  readonly unique: number;
  readonly body: Buffer;
}

export function replyOf(bytes: Buffer | undefined): Reply {
  if (bytes === undefined) throw new Error('there is no reply');
  return {
    length: bytes.readUInt32LE(0),
    error: bytes.readInt32LE(4),
    unique: Number(bytes.readBigUInt64LE(8)),
    body: bytes.subarray(16),
  };
}
