/**
 * Reads a stream from a sequence on, as it grows: a pull consumer of our own, ephemeral and in the server's memory, so
 * that what is in flight is bounded and a lost server, leader or connection shows as an error soon. Under follow.ts.
 */

import { LedgerError } from '../../base/errors.js';
import { createInbox, type Msg, type NatsConnection } from '../../bus/connection.js';
import { ask, call, serverError, textOf } from './api.js';

export interface StreamMessage {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

const NANOSECONDS = 1e6;
/** One pull: bounds the bytes that wait here. More than one entry may take. */
const PULL_MESSAGES = 1000;
const PULL_BYTES = 8 * 1024 * 1024;
const PULL_MS = 20_000;
/** A server that lives says so as often; two that are missed are one lost. */
const HEARTBEAT_MS = 1000;
const SILENCE_MS_MAX = 2500;
/** One that says it lives and sends nothing of what the stream has: its copy was cut off, and has not caught up since. */
const STALL_MS_MAX = 5000;
/** The server forgets a consumer that nobody pulls from. */
const INACTIVE_MS = 10_000;

/**
 * `known`: a sequence that the stream is known to reach, by its leader. A consumer may be on a server that was cut off, and
 * some of those (seen on 2.9.10) send nothing of what came meanwhile, and signs of life for ever: that is a lost one too.
 * `end`: whether the consumer is deleted at the end, or left to expire by somebody who may not delete.
 * Ends with LedgerError 'unavailable' where the consumer or the connection is lost, and quietly where `signal` says so.
 */
export async function* messagesFrom(
  connection: NatsConnection,
  stream: string,
  from: number,
  known: () => number,
  signal: AbortSignal,
  end: 'deleted' | 'expires' = 'deleted',
): AsyncGenerator<readonly StreamMessage[]> {
  const consumer = await create(connection, stream, from);
  const inbox = createInbox();
  let waiting: StreamMessage[] = [];
  let missing = 0;
  let failure: LedgerError | undefined;
  let wake = (): void => undefined;
  const lose = (why: string): void => {
    failure ??= new LedgerError('unavailable', `the stream ${stream} cannot be followed now: ${why}`);
    wake();
  };
  // Between two pulls nobody promised a word.
  const silence = setTimeout(() => (missing > 0 ? lose('its server is silent') : silence.refresh()), SILENCE_MS_MAX);
  let delivered = from - 1;
  let before = delivered;
  let wasBehind = true;
  const stall = setInterval(() => {
    const isBehind = delivered < known();
    // Behind twice: what has just come to the stream may be on its way.
    if (missing > 0 && wasBehind && isBehind && delivered === before) lose('it does not send what the stream has');
    before = delivered;
    wasBehind = isBehind;
  }, STALL_MS_MAX);
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return lose(error.message);
      silence.refresh();
      const code = message.headers?.code ?? 0;
      if (code === 0) {
        delivered = sequenceOf(message);
        waiting.push({ sequence: delivered, bytes: message.data });
        missing -= 1;
      } else if (code !== 100) {
        // 404, 408: nothing came in the time of one pull. 409: its bytes are used up. Else it is over.
        const description = message.headers?.description ?? '';
        if (code === 404 || code === 408 || /maxbytes/i.test(description)) missing = 0;
        else return lose(`${code} ${description}`);
      }
      wake();
    },
  });
  void connection.closed().then(() => lose('the connection was lost'));
  const stop = (): void => wake();
  signal.addEventListener('abort', stop);
  try {
    while (!signal.aborted) {
      if (failure !== undefined) throw failure;
      if (missing <= 0) {
        missing = PULL_MESSAGES;
        silence.refresh();
        pull(connection, stream, consumer, inbox);
      }
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const batch = waiting;
      waiting = [];
      yield batch;
    }
  } finally {
    clearTimeout(silence);
    clearInterval(stall);
    signal.removeEventListener('abort', stop);
    subscription.unsubscribe();
    // Not waited for: a claim would wait with it where the consumer was on a server that is lost. What is not deleted expires.
    if (end === 'deleted' && !connection.isClosed()) {
      void call(connection, `CONSUMER.DELETE.${stream}.${consumer}`).catch(() => undefined);
    }
  }
}

async function create(connection: NatsConnection, stream: string, from: number): Promise<string> {
  const config = {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: from,
    ack_policy: 'none',
    replay_policy: 'instant',
    inactive_threshold: INACTIVE_MS * NANOSECONDS,
    mem_storage: true,
    num_replicas: 1,
  };
  const { answer, error } = await ask(connection, `CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
  if (error !== undefined) throw serverError(error, `the stream ${stream} cannot be followed`);
  const name = textOf(answer, 'name');
  if (name === undefined) throw new LedgerError('unavailable', `the consumer of ${stream} has no name`);
  return name;
}

function pull(connection: NatsConnection, stream: string, consumer: string, inbox: string): void {
  const request = {
    batch: PULL_MESSAGES,
    max_bytes: PULL_BYTES,
    expires: PULL_MS * NANOSECONDS,
    idle_heartbeat: HEARTBEAT_MS * NANOSECONDS,
  };
  connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, Buffer.from(JSON.stringify(request)), {
    reply: inbox,
  });
}

/** `$JS.ACK.stream.consumer.delivered.SEQUENCE.…`, or with domain and account behind ACK in newer servers. */
function sequenceOf({ reply }: Msg): number {
  const tokens = (reply ?? '').split('.');
  return Number(tokens[tokens.length === 9 ? 5 : 7]);
}
