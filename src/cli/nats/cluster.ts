/**
 * The command line's end of the bus: one request to every node, and the answers of all. Who is expected is what the
 * services' own discovery says, and whoever the caller names: a node that is frozen or gone is in no discovery.
 */

import { checkReply, validatorOf } from '../../admin/schema.js';
import { LedgerError } from '../../base/errors.js';
import {
  connectOnce,
  createInbox,
  Events,
  type BusOptions,
  type Msg,
  type NatsConnection,
} from '../../bus/connection.js';
import { errorOfPayload, type ErrorPayload } from '../../bus/errors.js';
import { decodePayload, encodePayload } from '../../bus/payload.js';
import { NODE_HEADER, SERVICE, SERVICE_HEADER, subjectOf, type BusProcedure } from '../../bus/subjects.js';

export interface NodeAnswer {
  readonly node: string;
  /** What the procedure's schema describes, or the node's error. */
  readonly outcome: { readonly reply: object } | { readonly error: LedgerError };
}

export interface Gathered {
  /** By name. */
  readonly answers: readonly NodeAnswer[];
  /** Names of those who were expected, and did not answer in time. */
  readonly missing: readonly string[];
}

export interface Question {
  readonly procedure: BusProcedure;
  readonly request: object;
  /** Whose answer alone counts; without it, those of all. */
  readonly node?: string | undefined;
  /** Who must answer, besides those who are found. */
  readonly expect: readonly string[];
  readonly msMax: number;
}

/** Nodes that are there are found within this. */
const DISCOVERY_MS = 300;
/** Where nodes or the network are slow, the others may take twice as long again as the one that was heard last, or so long. */
const DISCOVERY_MORE_MS_MAX = 1000;

export class Cluster {
  readonly #connection: NatsConnection;
  /** Hear of a subject on which the server does not let this user publish. */
  readonly #refused = new Set<(subject: string) => void>();

  /** @throws LedgerError as `connectOnce` */
  static async connect(options: BusOptions): Promise<Cluster> {
    try {
      return new Cluster(await connectOnce(options));
    } catch (error) {
      if (!(error instanceof LedgerError) || (error.code !== 'unavailable' && error.code !== 'timeout')) throw error;
      const next = 'is the NATS server there, and this its port? several servers: --nats A,B';
      throw new LedgerError(error.code, error.message, { cause: error, details: { ...error.details, next } });
    }
  }

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    void this.#watch();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** @throws LedgerError 'unavailable' (nobody is there, or the connection was lost), 'refused' (by the server) */
  async ask(question: Question): Promise<Gathered> {
    const gathering = new Gathering(this.#connection, question);
    const refused = (subject: string): void => gathering.refused(subject);
    this.#refused.add(refused);
    try {
      return await gathering.result();
    } finally {
      this.#refused.delete(refused);
    }
  }

  async #watch(): Promise<void> {
    for await (const { type, permissionContext } of this.#connection.status()) {
      if (type !== Events.Error || permissionContext === undefined) continue;
      for (const refused of this.#refused) refused(permissionContext.subject);
    }
  }
}

class Gathering {
  readonly #connection: NatsConnection;
  readonly #question: Question;
  readonly #subject: string;
  /** Names by the ids of their services. */
  readonly #found = new Map<string, string>();
  readonly #answers = new Map<string, NodeAnswer>();
  #isSearching = true;
  readonly #began = performance.now();
  #searching: NodeJS.Timeout | undefined;
  #end: (outcome: Gathered | LedgerError) => void = () => undefined;

  constructor(connection: NatsConnection, question: Question) {
    this.#connection = connection;
    this.#question = question;
    this.#subject = subjectOf(question.procedure, question.request);
  }

  async result(): Promise<Gathered> {
    const outcome = new Promise<Gathered | LedgerError>((resolve) => {
      this.#end = resolve;
    });
    const connection = this.#connection;
    void connection.closed().then(() => this.#end(new LedgerError('unavailable', 'the connection to NATS was lost')));
    const finds = connection.subscribe(createInbox(), { callback: (_error, message) => this.#find(message) });
    const answers = connection.subscribe(createInbox(), { callback: (_error, message) => this.#answer(message) });
    this.#searchOn();
    const limit = setTimeout(() => this.#end(this.#gathered()), this.#question.msMax);
    try {
      connection.publish(`$SRV.PING.${SERVICE}`, '', { reply: finds.getSubject() });
      connection.publish(this.#subject, encodePayload(this.#question.request, 'msgpack'), {
        reply: answers.getSubject(),
      });
      const ended = await outcome;
      if (ended instanceof LedgerError) throw ended;
      return ended;
    } finally {
      clearTimeout(this.#searching);
      clearTimeout(limit);
      if (!connection.isClosed()) {
        finds.unsubscribe();
        answers.unsubscribe();
      }
    }
  }

  refused(subject: string): void {
    if (subject !== this.#subject) return;
    this.#end(new LedgerError('refused', `the NATS server does not let this user publish on ${subject}`));
  }

  /** The search goes on for a while from here: at its beginning, and from each node that is heard. */
  #searchOn(): void {
    if (!this.#isSearching) return;
    clearTimeout(this.#searching);
    const tookMs = performance.now() - this.#began;
    const moreMs = Math.max(DISCOVERY_MS - tookMs, Math.min(2 * tookMs, DISCOVERY_MORE_MS_MAX));
    this.#searching = setTimeout(() => {
      // Where nobody was heard yet, it ends a while after the first.
      this.#isSearching = this.#found.size + this.#answers.size === 0;
      this.#check();
    }, moreMs);
  }

  #find(message: Msg | undefined): void {
    const pinged = message === undefined ? undefined : readPing(message);
    if (pinged === undefined) return;
    this.#found.set(pinged.id, pinged.node);
    this.#searchOn();
  }

  #answer(message: Msg): void {
    const { headers } = message;
    if (message.data.length === 0 && headers?.code === NO_RESPONDERS) {
      const nobody = `no node of nlm-ledger serves ${this.#subject}: nobody took it`;
      return this.#end(
        this.#question.expect.length === 0
          ? new LedgerError('unavailable', nobody, { details: NEXT })
          : this.#gathered(),
      );
    }
    const node = headers?.get(NODE_HEADER) ?? '';
    const service = headers?.get(SERVICE_HEADER) ?? '';
    this.#answers.set(service, { node, outcome: outcomeOf(this.#question.procedure, message) });
    this.#searchOn();
    this.#check();
  }

  /** Ends once all who are expected have answered. */
  #check(): void {
    const { node } = this.#question;
    const isSettled = node === undefined ? !this.#isSearching : this.#gathered().answers.length > 0;
    if (isSettled && this.#gathered().missing.length === 0 && this.#answers.size > 0) this.#end(this.#gathered());
  }

  #gathered(): Gathered {
    const { node, expect } = this.#question;
    const answers = [...this.#answers.values()].filter((answer) => node === undefined || answer.node === node);
    const names = new Set(answers.map((answer) => answer.node));
    const silent = [...this.#found].filter(([id]) => !this.#answers.has(id)).map(([, name]) => name);
    const named = [...expect, ...(node === undefined ? [] : [node])].filter((name) => !names.has(name));
    const missing = new Set([...named, ...silent.filter((name) => node === undefined || name === node)]);
    return { answers: answers.toSorted((a, b) => (a.node < b.node ? -1 : 1)), missing: [...missing].toSorted() };
  }
}

/** Status of a message from the server itself, where nobody subscribes. */
const NO_RESPONDERS = 503;
const NEXT = {
  next: 'is a node running with this server in its configuration (nats.servers)? see its: nlm-ledger status',
};

function readPing({ data }: Msg): { readonly id: string; readonly node: string } | undefined {
  try {
    const { id, metadata } = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof id === 'string' && typeof metadata?.node === 'string' ? { id, node: metadata.node } : undefined;
  } catch {
    return undefined;
  }
}

function outcomeOf(procedure: BusProcedure, message: Msg): NodeAnswer['outcome'] {
  try {
    const payload = decodePayload(message.data);
    if (message.headers?.has('Nats-Service-Error-Code') === true) {
      if (validatorOf('error')(payload)) return { error: errorOfPayload(payload as ErrorPayload) }; // the schema holds
      return { error: new LedgerError('unavailable', message.headers.get('Nats-Service-Error')) };
    }
    checkReply(procedure, payload);
    return { reply: payload as object }; // the schema holds
  } catch (error) {
    if (error instanceof LedgerError) return { error };
    throw error;
  }
}
