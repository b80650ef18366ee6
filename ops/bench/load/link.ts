/** A TCP connection or a UDP socket of the generator: calls out, gathered into one write, and replies in. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { RECORD_MARK_BYTES, xidOf, type Calls } from './calls.js';
import { Slots, type Slot } from './slots.js';

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly transport: 'tcp' | 'udp';
}

export interface LinkEvents {
  /** `undefined`: no call in flight has its xid. Bytes are valid during the call alone. */
  readonly onReply: (slot: Slot | undefined, bytes: Buffer, start: number, end: number, now: number) => void;
  /** After the last reply of what was read at once. */
  readonly onRead: () => void;
  readonly onError: (error: Error) => void;
}

export interface Link {
  readonly slots: Slots;
  /** Numbers the slot's call and gathers it; `flush` sends. */
  send(slot: Slot): void;
  /** The same call, with its xid, once more. */
  repeat(slot: Slot): void;
  flush(): void;
  close(): void;
}

const READ_BYTES = 256 * 1024;
const UDP_BUFFER_BYTES = 4 * 1024 * 1024;

export async function openLink(server: Server, calls: Calls, slots: Slots, events: LinkEvents): Promise<Link> {
  return server.transport === 'tcp' ? tcpLink(server, calls, slots, events) : udpLink(server, calls, slots, events);
}

async function tcpLink({ host, port }: Server, calls: Calls, slots: Slots, events: LinkEvents): Promise<Link> {
  let held: Buffer | undefined;
  const receive = (count: number, buffer: Uint8Array): boolean => {
    const now = performance.now();
    const read = Buffer.from(buffer.buffer, buffer.byteOffset, count);
    const bytes = held === undefined ? read : Buffer.concat([held, read]);
    let at = 0;
    while (bytes.length - at >= RECORD_MARK_BYTES) {
      const start = at + RECORD_MARK_BYTES;
      const end = start + (xidOf(bytes, at) & 0x7fff_ffff);
      if (end > bytes.length) break;
      events.onReply(end - start < 4 ? undefined : slots.find(xidOf(bytes, start)), bytes, start, end, now);
      at = end;
    }
    held = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
    events.onRead();
    return true;
  };
  const socket: Socket = connect({ host, port, onread: { buffer: Buffer.alloc(READ_BYTES), callback: receive } });
  await once(socket, 'connect');
  socket.setNoDelay(true);
  let closed = false;
  socket.on('error', events.onError);
  socket.on('close', () => {
    if (!closed) events.onError(new Error('the server closed the connection'));
  });
  const out = Buffer.alloc(slots.all.length * calls.bytesMax);
  let filled = 0;
  const gather = (slot: Slot): void => {
    filled = calls.write(out, filled, slot.procedure, slot.xid, slot);
  };
  return {
    slots,
    send: (slot) => {
      slots.number(slot);
      gather(slot);
    },
    repeat: gather,
    flush: () => {
      if (filled === 0) return;
      socket.write(Buffer.from(out.subarray(0, filled)));
      filled = 0;
    },
    close: () => {
      closed = true;
      socket.destroy();
    },
  };
}

async function udpLink({ host, port }: Server, calls: Calls, slots: Slots, events: LinkEvents): Promise<Link> {
  const socket: UdpSocket = createSocket({ type: 'udp4', recvBufferSize: UDP_BUFFER_BYTES });
  socket.connect(port, host);
  await once(socket, 'connect');
  socket.on('error', events.onError);
  socket.on('message', (bytes) => {
    const slot = bytes.length < 4 ? undefined : slots.find(xidOf(bytes, 0));
    events.onReply(slot, bytes, 0, bytes.length, performance.now());
    events.onRead();
  });
  const send = (slot: Slot): void => {
    const bytes = Buffer.allocUnsafe(calls.bytesMax);
    const end = calls.write(bytes, 0, slot.procedure, slot.xid, slot);
    socket.send(bytes, RECORD_MARK_BYTES, end - RECORD_MARK_BYTES);
  };
  return {
    slots,
    send: (slot) => {
      slots.number(slot);
      send(slot);
    },
    repeat: send,
    flush: () => undefined,
    close: () => socket.close(),
  };
}
