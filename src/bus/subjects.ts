/** The names on the bus: subjects, headers, and what may stand in them. Real values stand in payloads, never in subjects. */

export const SERVICE = 'nlm-ledger';

/** Subject of each administrative procedure that is served on the bus. */
export const SUBJECTS = {
  'unlock-ip': 'nlm.unlock-ip',
  'unlock-fs': 'nlm.unlock-fs',
  'unlock-client': 'nlm.unlock-client',
  'unlock-lock': 'nlm.unlock-lock',
  locks: 'nlm.files',
  waiters: 'nlm.waiters',
  status: 'nlm.status',
  groups: 'nlm.groups',
  'purge-report': 'nlm.purge-report',
  release: 'nlm.group.*.release',
  take: 'nlm.group.*.take',
  'group-status': 'nlm.group.*.status',
} as const;

export type BusProcedure = keyof typeof SUBJECTS;

/** Where a request is published: of those that are about one group, with its name. */
export function subjectOf(procedure: BusProcedure, request: object): string {
  const group = 'group' in request ? String(request.group) : '';
  return SUBJECTS[procedure].replace('*', group);
}

/** The group that a subject names, where its procedure's is a pattern. */
export function groupOfSubject(procedure: BusProcedure, subject: string): string | undefined {
  return SUBJECTS[procedure].includes('*') ? subject.split('.')[GROUP_TOKEN] : undefined;
}

const GROUP_TOKEN = 2;

/** On every answer: the node that gives it, and the id of its service as $SRV.PING names it. */
export const NODE_HEADER = 'Nlm-Node';
export const SERVICE_HEADER = 'Nlm-Service';

export function eventsSubject(group: string): string {
  return `nlm.events.${token(group)}`;
}

/** Where the owner of a group tells the others that it is alive. The names of groups fit a subject as they are. */
export function aliveSubject(group: string): string {
  return `nlm.peer.${group}.alive`;
}

/** Where a node answers that it is there; while it has no connection, the server answers that nobody does. */
export function hereSubject(group: string, node: string): string {
  return `nlm.peer.${group}.here.${token(node)}`;
}

export function checkpointsSubject(group: string): string {
  return `nlm.checkpoints.${token(group)}`;
}

/**
 * One token of a subject, or the name of a queue, out of any text and never the same out of two: letters, digits and
 * dashes stand for themselves, every other byte (UTF-8) is _hh. The package takes no dot in the name of a queue.
 */
export function token(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9-]/.test(char) ? char : `_${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}
