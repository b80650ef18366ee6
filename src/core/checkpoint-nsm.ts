/** NSM's part of a checkpoint: monitors, orders, monitored clients, notices, each a list in its order. */

import type { CheckpointReader } from './checkpoint-reader.js';
import type { CheckpointWriter } from './checkpoint-writer.js';
import { monitorKey, noticeKey, type Notice, type NsmTables } from './nsm.js';

const OUTCOMES: readonly Notice['outcome'][] = ['open', 'answered', 'given-up'];

export function writeNsm(writer: CheckpointWriter, nsm: NsmTables): void {
  writer.word(nsm.monitors.size);
  for (const { monName, myName, prog, vers, proc, priv } of nsm.monitors.values()) {
    for (const bytes of [monName, myName, priv]) writer.opaque(bytes);
    for (const number of [prog, vers, proc]) writer.wide(number);
  }
  writer.word(nsm.orders.size);
  for (const [address, commandId] of nsm.orders) {
    writer.text(address);
    writer.text(commandId);
  }
  writer.word(nsm.monitoredClients.size);
  for (const [client, priv] of nsm.monitoredClients) {
    writer.text(client);
    writer.opaque(priv);
  }
  writer.word(nsm.notices.size);
  for (const { client, serverAddress, state, outcome, begun, ended } of nsm.notices.values()) {
    writer.text(client);
    writer.text(serverAddress);
    writer.word(state);
    writer.word(OUTCOMES.indexOf(outcome));
    writer.wide(begun);
    writer.wide(ended);
  }
}

export function readNsm(reader: CheckpointReader, nsm: NsmTables): void {
  for (let left = reader.word(); left > 0; left -= 1) {
    const [monName, myName, priv] = [reader.opaque(), reader.opaque(), reader.opaque()];
    const [prog, vers, proc] = [reader.wide(), reader.wide(), reader.wide()];
    const monitor = { monName, myName, prog, vers, proc, priv };
    nsm.monitors.set(monitorKey(monitor), monitor);
  }
  for (let left = reader.word(); left > 0; left -= 1) nsm.orders.set(reader.text(), reader.text());
  for (let left = reader.word(); left > 0; left -= 1) nsm.monitoredClients.set(reader.text(), reader.opaque());
  for (let left = reader.word(); left > 0; left -= 1) {
    const [client, serverAddress] = [reader.text(), reader.text()];
    const [state, outcome] = [reader.word(), OUTCOMES[reader.word()] ?? 'open'];
    const notice: Notice = { client, serverAddress, state, outcome, begun: reader.wide(), ended: reader.wide() };
    nsm.notices.set(noticeKey(notice), notice);
  }
}
