/** The service of this node on one connection: endpoints, and the subjects of discovery ($SRV.PING, INFO, STATS). */

import { headers, type NatsConnection, type Service, type ServiceMsg } from '../../bus/connection.js';
import {
  groupOfSubject,
  NODE_HEADER,
  SERVICE,
  SERVICE_HEADER,
  SUBJECTS,
  token,
  type BusProcedure,
} from '../../bus/subjects.js';
import type { Requests } from './requests.js';

export interface ServiceOptions {
  readonly node: string;
  readonly release: string;
  readonly requests: Requests;
}

/** Resolves once the server has every subscription. */
export async function addService(connection: NatsConnection, options: ServiceOptions): Promise<Service> {
  const { node, release, requests } = options;
  // The queue is the node's own: with one name for all, one node alone would get an order that is for every node.
  const queue = token(node);
  const service = await connection.services.add({
    name: SERVICE,
    version: release,
    description: `lock manager, node ${node}`,
    metadata: { node },
    queue,
    statsHandler: async ({ subject }) => {
      const procedure = Object.keys(SUBJECTS).find((name) => isProcedure(name) && SUBJECTS[name] === subject);
      return procedure !== undefined && isProcedure(procedure) ? requests.countersOf(procedure) : undefined;
    },
  });
  const { id } = service.info();
  for (const [procedure, subject] of Object.entries(SUBJECTS)) {
    if (!isProcedure(procedure)) continue;
    service.addEndpoint(procedure, {
      subject,
      queue,
      handler: (error, message) => {
        if (error === null) void answer(connection, message, procedure, options, id);
      },
    });
  }
  await connection.flush();
  return service;
}

async function answer(
  connection: NatsConnection,
  message: ServiceMsg,
  procedure: BusProcedure,
  { node, requests }: ServiceOptions,
  id: string,
): Promise<void> {
  const payloadBytesMax = (connection.info?.max_payload ?? PAYLOAD_BYTES_MIN) - HEADER_BYTES_MAX;
  const { payload, error } = await requests.answer(
    { procedure, group: groupOfSubject(procedure, message.subject) },
    message.data,
    payloadBytesMax,
  );
  const fields = headers();
  fields.set(NODE_HEADER, node);
  fields.set(SERVICE_HEADER, id);
  // The caller asks again where the connection was lost meanwhile: the same command id is carried out once.
  if (connection.isClosed()) return;
  if (error === undefined) message.respond(payload, { headers: fields });
  else message.respondError(error.code, error.line.slice(0, HEADER_BYTES_MAX / 2), payload, { headers: fields });
}

function isProcedure(name: string): name is BusProcedure {
  return Object.hasOwn(SUBJECTS, name);
}

/** Of the headers of one answer: they count in the server's largest message. */
const HEADER_BYTES_MAX = 8192;
/** Where the server does not say. */
const PAYLOAD_BYTES_MIN = 64 * 1024;
