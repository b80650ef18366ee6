/**
 * Opens the next generation of a group's stream: the administrator's procedure, since nodes may not change streams. For
 * one that is full, or whose past is to be kept elsewhere. The old stream loses the subject and is sealed in one step,
 * and stays until the administrator deletes it. The new one begins with the last entry of the old one, in the same
 * bytes. A running owner finds it by itself and goes on. Every step may be repeated after a crash between two.
 *
 * On servers that know first_seq (2.10 and later) it is not used either: nodes of one cluster may meet both.
 */

import { LedgerError } from '../../base/errors.js';
import type { NatsConnection } from '../../bus/connection.js';
import { readEnvelope } from '../envelope.js';
import type { Position } from '../port.js';
import { API_ERROR, call, numberOf, objectOf, serverError, type Json } from './api.js';
import { generationOf, ledgerSubject, streamName } from './names.js';
import { messageOf, namesOfStreams, publishFirst } from './stream.js';

export interface OpenedGeneration {
  readonly group: string;
  /** The stream that is sealed now; the administrator deletes it once every archive is past it. */
  readonly sealed: string;
  readonly opened: string;
  /** Of the entry that closes the one and opens the other. */
  readonly position: Position;
}

/** @throws LedgerError 'not-found', 'refused' (nothing stands in it), 'unavailable' */
export async function openNextGeneration(connection: NatsConnection, group: string): Promise<OpenedGeneration> {
  const number = await lastGeneration(connection, group);
  const name = streamName(group, number);
  const { config, last } = await infoOf(connection, name);
  const isOpened = number === 1 || last > 0;
  if (number === 1 && last === 0) {
    throw new LedgerError(
      'refused',
      `the stream ${name} is empty: there is nothing that a next generation would follow`,
    );
  }
  // A crash left the new one without its first entry: it is given that, and nothing else is done.
  const old = isOpened ? number : number - 1;
  if (isOpened) await seal(connection, group, old, config);
  const oldName = streamName(group, old);
  const opened = streamName(group, old + 1);
  const { last: sequence } = await infoOf(connection, oldName);
  const bytes = await messageOf(connection, oldName, sequence);
  if (bytes === undefined)
    throw new LedgerError('unavailable', `the last message of ${oldName} cannot be read: try again`);
  if (isOpened) await create(connection, group, old + 1, config);
  await publishFirst(connection, group, opened, bytes);
  return { group, sealed: oldName, opened, position: readEnvelope(bytes).position };
}

async function lastGeneration(connection: NatsConnection, group: string): Promise<number> {
  const [carrier] = await namesOfStreams(connection, ledgerSubject(group));
  const names = carrier === undefined ? await namesOfStreams(connection, undefined) : [carrier];
  const numbers = names.flatMap((name) => generationOf(group, name) ?? []);
  if (numbers.length > 0) return Math.max(...numbers);
  throw new LedgerError(
    'not-found',
    `no stream has the ledger of a group ${group}: the first claim of a node makes it`,
  );
}

async function infoOf(
  connection: NatsConnection,
  name: string,
): Promise<{ readonly config: Json; readonly last: number }> {
  const { answer, error } = await call(connection, `STREAM.INFO.${name}`);
  if (error !== undefined) throw serverError(error, `the stream ${name} tells nothing of itself`);
  return { config: objectOf(answer, 'config') ?? {}, last: numberOf(objectOf(answer, 'state'), 'last_seq') ?? 0 };
}

/** Once sealed it takes no change any more: a repeat finds it so. */
async function seal(connection: NatsConnection, group: string, number: number, config: Json): Promise<void> {
  if (config['sealed'] === true) return;
  const name = streamName(group, number);
  const sealed = { ...config, subjects: [`nlm.sealed.${group}.${number}`], sealed: true };
  const { error } = await call(connection, `STREAM.UPDATE.${name}`, sealed);
  if (error !== undefined) throw serverError(error, `the stream ${name} cannot be sealed`);
}

async function create(connection: NatsConnection, group: string, number: number, config: Json): Promise<void> {
  const name = streamName(group, number);
  // As the one before, its size and replicas included.
  const next = {
    ...config,
    name,
    description: `nlm-ledger: the ledger of group ${group}, generation ${number}`,
    subjects: [ledgerSubject(group)],
    sealed: false,
  };
  const { error } = await call(connection, `STREAM.CREATE.${name}`, next);
  if (error === undefined || error.number === API_ERROR.nameInUse) return;
  throw serverError(error, `the stream ${name} cannot be made`);
}
