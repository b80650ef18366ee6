/** The far ends of a conversation, in bytes: a client that sends what it is told, and the services that it is called back at. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Transport = 'tcp' | 'udp';

/** RFC 5531 section 11: one fragment, the last one. */
function record(message: Buffer): Buffer {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE((0x8000_0000 + message.length) >>> 0);
  return Buffer.concat([mark, message]);
}

/** Hands on the messages of a stream; more than one fragment a record is not what our node sends. */
function messagesOf(socket: Socket, take: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const mark = rest.readUInt32BE(0);
      if (mark < 0x8000_0000) throw new Error(`a record mark ${mark.toString(16)}: not the last fragment`);
      const end = 4 + mark - 0x8000_0000;
      if (rest.length < end) return;
      take(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  });
}

const ENDED = new Error('the connection has ended');

/** What has come and nobody has taken yet. */
class Inbox<T> {
  readonly #items: T[] = [];
  readonly #takers: { readonly take: (item: T) => void; readonly fail: (error: Error) => void }[] = [];
  #isEnded = false;

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker.take(item);
  }

  /** Nothing more comes: the connection is closed. */
  end(): void {
    this.#isEnded = true;
    for (const { fail } of this.#takers.splice(0)) fail(ENDED);
  }

  async next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    if (this.#isEnded) throw ENDED;
    return new Promise((take, fail) => this.#takers.push({ take, fail }));
  }
}

const familyOf = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4');

/** A client: over UDP its socket is connected, as BSD has it, so that what comes from elsewhere is not seen. */
export class RawPeer {
  readonly #inbox = new Inbox<Buffer>();
  readonly #send: (message: Buffer) => void;
  readonly close: () => void;

  private constructor(send: (message: Buffer) => void, close: () => void) {
    this.#send = send;
    this.close = close;
  }

  static async open(transport: Transport, host: string, port: number, from: string, localPort = 0): Promise<RawPeer> {
    if (transport === 'tcp') {
      const socket = connect({ host, port, localAddress: from, localPort });
      await once(socket, 'connect');
      const peer = new RawPeer(
        (message) => socket.write(record(message)),
        () => socket.destroy(),
      );
      socket.on('error', () => undefined);
      socket.on('close', () => peer.#inbox.end());
      messagesOf(socket, (message) => peer.#inbox.put(message));
      return peer;
    }
    const socket = createSocket(familyOf(host));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(localPort, from, resolve);
    });
    await new Promise<void>((resolve) => socket.connect(port, host, () => resolve()));
    const peer = new RawPeer(
      (message) => socket.send(message),
      () => socket.close(),
    );
    socket.on('message', (message) => peer.#inbox.put(message));
    return peer;
  }

  send(message: Buffer): void {
    this.#send(message);
  }

  /** The next message, a reply or a call. */
  next(): Promise<Buffer> {
    return this.#inbox.next();
  }

  /** Sends a call and takes the message that comes next, which is its reply where nothing else is to come. */
  exchange(call: Buffer): Promise<Buffer> {
    this.#send(call);
    return this.next();
  }
}

export interface CalledBack {
  readonly message: Buffer;
  readonly transport: Transport;
  readonly from: { readonly address: string; readonly port: number };
  readonly answer: (reply: Buffer) => void;
}

/** The services of a client, TCP and UDP on one port: whatever is called comes out, and is answered by the test. */
export class RawService {
  readonly #inbox = new Inbox<CalledBack>();
  readonly #server: Server;
  readonly #udp: UdpSocket;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, udp: UdpSocket) {
    this.#server = server;
    this.#udp = udp;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      const { remoteAddress: address = '', remotePort: port = 0 } = socket;
      const answer = (reply: Buffer): void => void socket.write(record(reply));
      messagesOf(socket, (message) => this.#inbox.put({ message, transport: 'tcp', from: { address, port }, answer }));
    });
    // A call that is answered late comes again: as a client does, its copy gets the same answer and is no new call.
    const answered = new Map<string, Buffer | undefined>();
    udp.on('message', (message, from) => {
      const call = `${message.toString('hex', 0, 4)} ${from.port}`;
      const before = answered.get(call);
      if (before !== undefined) udp.send(before, from.port, from.address);
      if (answered.has(call)) return;
      answered.set(call, undefined);
      const answer = (reply: Buffer): void => {
        answered.set(call, reply);
        udp.send(reply, from.port, from.address);
      };
      this.#inbox.put({ message, transport: 'udp', from, answer });
    });
  }

  /** The number that TCP is given is tried for UDP, until one is free for both. */
  static async open(host: string): Promise<RawService> {
    for (;;) {
      const server = createServer();
      server.listen(0, host);
      await once(server, 'listening');
      const udp = createSocket(familyOf(host));
      try {
        await new Promise<void>((resolve, reject) => {
          udp.once('error', reject);
          udp.bind((server.address() as AddressInfo).port, host, resolve);
        });
        return new RawService(server, udp);
      } catch {
        udp.close();
        server.close();
      }
    }
  }

  get port(): number {
    return this.#udp.address().port;
  }

  next(): Promise<CalledBack> {
    return this.#inbox.next();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    this.#udp.close();
  }
}
