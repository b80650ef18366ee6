/**
 * The owner's word that it is alive, on `nlm.peer.GROUP.alive`: an idle group appends nothing. Who follows counts its
 * silence by it, and by the entries that come in.
 */

import type { Bus } from '../bus/bus.js';
import type { NatsConnection } from '../bus/connection.js';
import { aliveSubject } from '../bus/subjects.js';
import type { GroupTakeover } from './group-takeover.js';
import { WORDS_IN_SILENCE } from './limits.js';
import type { Starter } from './starter.js';

export interface AliveGroup {
  readonly takeover: GroupTakeover;
  readonly starter: Pick<Starter, 'heard'>;
  readonly silenceMs: number;
}

/** On every connection that the bus makes; before it starts. */
export function tellAlive(bus: Bus, groups: readonly AliveGroup[]): void {
  bus.onConnected(async (connection) => {
    for (const group of groups) tellOn(connection, group);
  });
}

function tellOn(connection: NatsConnection, { takeover, starter, silenceMs }: AliveGroup): void {
  const { group, port } = takeover;
  const subject = aliveSubject(group.name);
  const own = Buffer.from(group.node);
  connection.subscribe(subject, {
    callback: (error, { data }) => {
      // Of a node that is not the owner any more it means nothing.
      const owner = port.state?.life.node;
      if (error === null && !own.equals(data) && Buffer.from(data).toString() === owner) starter.heard();
    },
  });
  const timer = setInterval(() => {
    if (port.role === 'owning' || port.role === 'releasing') connection.publish(subject, own);
  }, silenceMs / WORDS_IN_SILENCE);
  timer.unref();
  void connection.closed().then(() => clearInterval(timer));
}
