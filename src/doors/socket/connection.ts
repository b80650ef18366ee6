/**
 * One connection of the Unix socket: lines of JSON in, lines of JSON out. It decides nothing: each line is handed to
 * `callAdmin`, and what comes back is written.
 *
 *   in    {"id", "procedure", "request"?, "user"?}
 *   out   {"id", "reply"} | {"id", "error": {"code", "message", "details"}}
 *         {"id", "item"}* {"id", "end": true}      for a stream
 *
 * Answers come in the order in which they are ready. `id` is null where a line had none that could be read.
 */

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { callAdmin, isStream, streamAdmin } from '../../admin/call.js';
import type { AdminPort } from '../../admin/port.js';
import { checkSocketRequest, type SocketRequest } from '../../admin/schema.js';
import { LedgerError } from '../../base/errors.js';
import { LineReader } from './lines.js';
import { BACKLOG_BYTES_MAX, LINE_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX } from './limits.js';

type Id = SocketRequest['id'] | null;

export class Connection {
  readonly #socket: Socket;
  readonly #admin: AdminPort;
  readonly #onFault: (error: unknown) => void;
  readonly #lines = new LineReader(LINE_BYTES_MAX);
  readonly #streams = new Set<{ close(): void }>();
  #inFlight = 0;
  #ended = false;

  /** `onFault` hears of what no answer can be: a fault of ours. */
  constructor(socket: Socket, admin: AdminPort, onFault: (error: unknown) => void) {
    this.#socket = socket;
    this.#admin = admin;
    this.#onFault = onFault;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => this.#endWhenAnswered(true));
    // A peer that goes away is no event of ours; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closeStreams());
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#lines.push(chunk, (line) => this.#line(line))) return;
    this.#error(null, new LedgerError('limit', `a request is longer than ${LINE_BYTES_MAX} bytes`));
    this.#socket.removeAllListeners('data');
    this.#socket.end(() => this.#socket.destroy());
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    let request: SocketRequest;
    try {
      request = checkSocketRequest(parse(line));
    } catch (error) {
      return this.#error(idOf(line), error);
    }
    const { id } = request;
    if (this.#inFlight + this.#streams.size >= REQUESTS_IN_FLIGHT_MAX) {
      const limit = `${REQUESTS_IN_FLIGHT_MAX} requests of this connection are not answered yet`;
      return this.#error(id, new LedgerError('limit', limit));
    }
    if (isStream(request.procedure)) return this.#stream(request);
    this.#inFlight += 1;
    callAdmin(this.#admin, {
      procedure: request.procedure,
      request: request.request ?? {},
      actor: request.user === undefined ? 'unknown' : `claimed:${request.user}`,
      door: 'socket',
      commandId: randomUUID(),
      now: Date.now(),
    })
      .then(
        (reply) => this.#write({ id, reply }),
        (error: unknown) => this.#error(id, error),
      )
      .finally(() => {
        this.#inFlight -= 1;
        this.#endWhenAnswered(this.#ended);
      });
  }

  #stream(request: SocketRequest): void {
    const { id } = request;
    try {
      const stream = streamAdmin(this.#admin, request.procedure, request.request ?? {}, (item) => {
        if (this.#socket.writableLength <= BACKLOG_BYTES_MAX) return this.#write({ id, item });
        this.#streams.delete(stream);
        stream.close();
        this.#error(id, new LedgerError('limit', 'the reader of this stream is too slow; it ends here'));
        this.#write({ id, end: true });
      });
      this.#streams.add(stream);
    } catch (error) {
      this.#error(id, error);
    }
  }

  #error(id: Id, error: unknown): void {
    if (error instanceof LedgerError) {
      return this.#write({ id, error: { code: error.code, message: error.message, details: error.details } });
    }
    this.#onFault(error);
    const message = 'the node met a fault of its own; its log says more';
    this.#write({ id, error: { code: 'unavailable', message, details: {} } });
  }

  #write(answer: object): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(answer)}\n`);
  }

  /** The peer may close its side and still read what it asked for. */
  #endWhenAnswered(ended: boolean): void {
    this.#ended = ended;
    if (!ended) return;
    this.#closeStreams();
    if (this.#inFlight === 0) this.#socket.end();
  }

  #closeStreams(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new LedgerError('bad-request', 'a request is one line of JSON', { cause });
  }
}

/** The id of a line that its schema refuses, so that the caller knows which one it was. */
function idOf(line: string): Id {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('id' in value)) return null;
    const { id } = value;
    return (typeof id === 'string' && id.length <= 64) || typeof id === 'number' ? id : null;
  } catch {
    return null;
  }
}
