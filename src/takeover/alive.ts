/**
 * The owner's word that it is alive, on `nlm.peer.GROUP.alive`: an idle group appends nothing. Who follows counts its
 * silence by it, and by the entries that come in. Where it is to know sooner that the owner's process has ended it asks
 * for it too: of a connection that is gone the server says at once that nobody answers.
 */

import { LedgerError } from '../base/errors.js';
import type { Bus } from '../bus/bus.js';
import type { NatsConnection } from '../bus/connection.js';
import { request } from '../bus/request.js';
import { aliveSubject, hereSubject } from '../bus/subjects.js';
import type { GroupTakeover } from './group-takeover.js';
import { ASKS_IN_GONE, WORDS_IN_SILENCE } from './limits.js';
import type { Starter } from './starter.js';

export interface AliveGroup {
  readonly takeover: GroupTakeover;
  readonly starter: Pick<Starter, 'heard' | 'answered' | 'missed'>;
  readonly silenceMs: number;
  readonly goneMs?: number | undefined;
}

/** On every connection that the bus makes; before it starts. */
export function tellAlive(bus: Bus, groups: readonly AliveGroup[]): void {
  bus.onConnected(async (connection) => {
    for (const group of groups) tellOn(connection, group);
  });
}

function tellOn(connection: NatsConnection, alive: AliveGroup): void {
  const { takeover, starter, silenceMs } = alive;
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
  connection.subscribe(hereSubject(group.name, group.node), {
    callback: (error, message) => {
      if (error === null) message.respond(own);
    },
  });
  const asking = askOn(connection, alive);
  void connection.closed().then(() => {
    clearInterval(timer);
    clearInterval(asking);
  });
}

/** One question at a time: a paused owner, which has its connection, answers none. */
function askOn(connection: NatsConnection, { takeover, starter, goneMs }: AliveGroup): NodeJS.Timeout | undefined {
  if (goneMs === undefined) return undefined;
  const { group, port } = takeover;
  let isAsking = false;
  const ask = async (owner: string): Promise<void> => {
    isAsking = true;
    try {
      await request(connection, hereSubject(group.name, owner), Buffer.from(group.node), { msMax: goneMs });
      starter.answered();
    } catch (error) {
      const isNobody = error instanceof LedgerError && error.code === 'unavailable' && !connection.isClosed();
      if (isNobody && port.state?.life.node === owner) starter.missed();
    } finally {
      isAsking = false;
    }
  };
  const timer = setInterval(() => {
    const owner = port.state?.life.node;
    if (!isAsking && port.role === 'following' && owner !== undefined && owner !== '') void ask(owner);
  }, goneMs / ASKS_IN_GONE);
  return timer.unref();
}
