/**
 * One copy of a callback: GRANTED or GRANTED_MSG to the client's NLM service, in the version, over the transport and in
 * the form of its LOCK, unless the configuration says otherwise for its network.
 */

import type { Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { callbackFormParts, type CallbackForm, type CallbackFormParts } from '../../core/callback-form.js';
import type { PendingRow } from '../../core/queries.js';
import { isNlmVersion, NLM_PROGRAM, nlmCall } from '../../nlm/procedures.js';
import type { NlmTestArgs } from '../../nlm/types.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { XdrWriter } from '../../xdr/writer.js';
import { callPrivilegedWherePossible } from '../privileged-call.js';
import { Channel, type ChannelReply } from './channel.js';
import type { CallbackResult } from './courier.js';

export interface ClientService {
  readonly client: Address;
  /** Where our calls leave from: Linux takes callbacks from the address alone that it mounted. */
  readonly serverAddress: Address;
  readonly version: number;
  readonly transport: 'tcp' | 'udp';
}

export interface ClientCallOptions {
  /** The port of the client's NLM service at this moment. Throws a LedgerError where it cannot be found. */
  readonly port: (service: ClientService) => Promise<number>;
  /** The port was wrong, or nobody answers there: ask anew next time. */
  readonly portFailed: (client: Address) => void;
  /** What the configuration says for the client's network. */
  readonly override: (client: Address) => Partial<Pick<CallbackFormParts, 'transport' | 'message'>>;
}

interface ClientCall<R> {
  readonly procedure: number;
  readonly encode: (writer: XdrWriter) => void;
  readonly decode: (reader: XdrReader) => R;
}

/** A lost packet is sent again within this time; the courier comes back later anyway. */
const UDP_MS_MAX = 5000;

export class ClientCalls {
  readonly #options: ClientCallOptions;
  readonly #channels = new Map<string, Promise<Channel>>();
  /** Those of them that are made. */
  readonly #made = new Map<string, Channel>();

  constructor(options: ClientCallOptions) {
    this.#options = options;
  }

  /** Over a connection that is open, the call is written before this returns. Never rejects. */
  async granted(grant: PendingRow, cookie: Bytes): Promise<CallbackResult> {
    // The casts brand what was branded when the call came in.
    const client = grant.client.address as Address;
    const serverAddress = grant.serverAddress as Address;
    const { version, transport, message } = this.#form(client, grant.callback);
    const service = { client, serverAddress, version, transport };
    if (!isNlmVersion(version)) return { type: 'failed', called: false, why: `no NLM version ${version}` };
    if (message) {
      const procedure = nlmCall(version, 'GRANTED_MSG');
      if (procedure === undefined) return { type: 'failed', called: false, why: 'no GRANTED_MSG' };
      const reply = await this.#call(service, {
        procedure: procedure.number,
        encode: (writer) => procedure.args.encode(writer, argumentsOf(grant, cookie)),
        decode: () => undefined,
      });
      return reply.type === 'failed' ? reply : { type: 'taken' };
    }
    const procedure = nlmCall(version, 'GRANTED');
    if (procedure === undefined) return { type: 'failed', called: false, why: 'no GRANTED' };
    const reply = await this.#call(service, {
      procedure: procedure.number,
      encode: (writer) => procedure.args.encode(writer, argumentsOf(grant, cookie)),
      decode: (reader) => procedure.result.decode(reader),
    });
    return reply.type === 'failed' ? reply : { type: 'status', status: reply.result.stat };
  }

  /** The service by which a waiter will be called back. */
  serviceOf(client: Address, serverAddress: Address, callback: CallbackForm): ClientService {
    const { version, transport } = this.#form(client, callback);
    return { client, serverAddress, version, transport };
  }

  #form(client: Address, callback: CallbackForm): CallbackFormParts {
    return { ...callbackFormParts(callback), ...this.#options.override(client) };
  }

  /** One call without a result, sent once: the _RES of a _MSG. What becomes of it is the client's affair; it asks again. */
  async send(service: ClientService, procedure: number, encode: (writer: XdrWriter) => void): Promise<void> {
    await this.#call(service, { procedure, encode, decode: () => undefined });
  }

  /** A client of this service waits: connects while it does, so that its callback is one call. Never rejects. */
  warm(service: ClientService): void {
    if (service.transport !== 'tcp') return;
    this.#channel(service).then(
      (channel) => channel.open(),
      () => undefined,
    );
  }

  /** A client has rebooted: what was connected to its older life is of no use. */
  forgetClient(address: Address): void {
    for (const [key, channel] of this.#channels) if (key.startsWith(`${address} `)) closeOnceOpen(channel);
  }

  close(): void {
    for (const channel of this.#channels.values()) closeOnceOpen(channel);
  }

  async #call<R>(service: ClientService, call: ClientCall<R>): Promise<ChannelReply<R>> {
    let reply: ChannelReply<R>;
    try {
      if (service.transport === 'udp') reply = await overUdp(service, await this.#options.port(service), call);
      else {
        const channel = this.#made.get(keyOf(service)) ?? (await this.#channel(service));
        reply = await channel.call({ program: NLM_PROGRAM, version: service.version, ...call });
      }
    } catch (error) {
      return { type: 'failed', called: false, why: error instanceof Error ? error.message : String(error) };
    }
    if (reply.type === 'failed') this.#options.portFailed(service.client);
    return reply;
  }

  /** The open connection, or a new one to the port that the client's rpcbind names now. Rejects where it names none. */
  #channel(service: ClientService): Promise<Channel> {
    const { client, serverAddress } = service;
    const key = keyOf(service);
    const existing = this.#channels.get(key);
    if (existing !== undefined) return existing;
    const forget = (): void => {
      if (this.#channels.get(key) !== opening) return;
      this.#channels.delete(key);
      this.#made.delete(key);
    };
    const opening = this.#options.port(service).then((port) => {
      const channel = new Channel({ address: client, port, localAddress: serverAddress }, forget);
      if (this.#channels.get(key) === opening) this.#made.set(key, channel);
      return channel;
    });
    this.#channels.set(key, opening);
    opening.catch(forget);
    return opening;
  }
}

function keyOf({ client, serverAddress, version }: ClientService): string {
  return `${client} ${serverAddress} ${version}`;
}

function closeOnceOpen(opening: Promise<Channel>): void {
  opening.then(
    (channel) => channel.close(),
    () => undefined,
  );
}

/** From a privileged port where this process may: clients of BSD's making take no other for a server's. */
async function overUdp<R>(service: ClientService, port: number, call: ClientCall<R>): Promise<ChannelReply<R>> {
  const peer = { transport: 'udp', address: service.client, port, localAddress: service.serverAddress } as const;
  const none = { decode: () => undefined, encode: call.encode };
  const result = { decode: call.decode, encode: () => undefined };
  const { procedure } = call;
  const asked = { program: NLM_PROGRAM, version: service.version, procedure, arguments: none, result };
  try {
    return { type: 'reply', result: await callPrivilegedWherePossible(peer, asked, undefined, UDP_MS_MAX) };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    // Only what no client has taken is no copy: a program or port that is not there.
    const called = error.code !== 'unsupported' && error.code !== 'refused';
    return { type: 'failed', called, why: error.message };
  }
}

/** Exactly what the client asked for, its own bytes: clients find the waiting lock by them. */
function argumentsOf({ client, file, oh, svid, range, length, exclusive }: PendingRow, cookie: Bytes): NlmTestArgs {
  const alock = { caller_name: client.name, fh: file.handle, oh, svid, l_offset: range.start, l_len: length };
  return { cookie, exclusive, alock };
}
