/** Can the clients be called back? Tried for those that the node knows: their portmapper is asked, their lockd pinged. */

import { LedgerError } from '../../base/errors.js';
import { ClientPorts } from '../../effects/client-ports.js';
import { Admission } from '../../intake/admit.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { ok, warn, type Said } from '../finding.js';
import { pingProblem } from '../ping.js';
import { CLIENTS_MAX, type KnownClient, type Scene } from '../scene.js';

const AT_ONCE = 16;

export async function checkCallbacks({ node, configuration, clientRpcbindPort }: Scene): Promise<Said[]> {
  if (node === undefined) return [];
  const admission = new Admission(configuration.clients);
  const ports = new ClientPorts({
    configuredPort: (address) => admission.networkOf(address)?.callbackPort,
    rpcbindPort: clientRpcbindPort,
  });
  const said: Said[] = [];
  const left = [...node.clients];
  const work = async (): Promise<void> => {
    for (let client = left.shift(); client !== undefined; client = left.shift()) {
      const problem = await callbackProblem(client, ports);
      if (problem !== undefined) said.push(problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const count = node.clients.length;
  const tried =
    count === CLIENTS_MAX
      ? `the first ${count} clients`
      : `${count} of ${node.status.clients} clients (those with locks)`;
  return said.length > 0 ? said : [ok(`${tried} can be called back`)];
}

async function callbackProblem(
  { name, address, serverAddress }: KnownClient,
  ports: ClientPorts,
): Promise<Said | undefined> {
  const who = `client ${name} at ${address} cannot be called back from ${serverAddress}`;
  let port: number;
  try {
    port = await ports.find({
      address,
      program: NLM_PROGRAM,
      version: 4,
      protocol: 'tcp',
      localAddress: serverAddress,
    });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const todo =
      error.code === 'not-found'
        ? 'its lockd is not running: it has unmounted, or is another kind of client'
        : 'open port 111 (TCP and UDP) of the client for this server, or give its network a callbackPort in the configuration';
    return warn(
      `${who}: ${error.message}`,
      `${todo}; until then it gets a contended lock when it asks again, after 30 seconds`,
    );
  }
  const peer = { transport: 'tcp', address, port, localAddress: serverAddress } as const;
  const problem = await pingProblem({ ...peer, program: NLM_PROGRAM, version: 4 });
  if (problem === undefined) return undefined;
  return warn(
    `${who}: ${problem}`,
    `open port ${port} of the client for this server (it is fixed there by lockd's nlm_tcpport and nlm_udpport), and name it as callbackPort; until then it gets a contended lock when it asks again, after 30 seconds`,
  );
}
