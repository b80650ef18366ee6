/** The table of administrative procedures: name to function. `watch`, a stream, stands beside it in call.ts. */

import type { AdminCall } from './call.js';
import { graces } from './graces.js';
import { graceEnd, graceOpen, graceStatus } from './grace.js';
import { locks, waiters } from './listing.js';
import type {
  GraceOpenRequest,
  GraceRequest,
  GroupStatusRequest,
  LocksRequest,
  NotifyRequest,
  NotifyStatusRequest,
  PurgeReportRequest,
  ReleaseRequest,
  TakeRequest,
  TraceRequest,
  UnlockClientRequest,
  UnlockFsRequest,
  UnlockIpRequest,
  UnlockLockRequest,
} from './messages.js';
import { notify, notifyStatus } from './notify.js';
import type { AdminPort } from './port.js';
import { purgeReport } from './purge-report.js';
import { groups, status } from './status.js';
import { groupStatus, release, take } from './takeover.js';
import { trace } from './trace.js';
import { unlockClient, unlockFs, unlockIp, unlockLock } from './unlock.js';

export type Procedure<Request> = (port: AdminPort, request: Request, call: AdminCall) => Promise<object>;

/** `Request` is what the procedure's schema has checked by the time it runs. */
function entry<Request>(name: string, procedure: Procedure<Request>): [string, Procedure<unknown>] {
  return [name, (port, request, call) => procedure(port, request as Request, call)];
}

export const PROCEDURES: ReadonlyMap<string, Procedure<unknown>> = new Map([
  entry('status', status),
  entry('groups', groups),
  entry('graces', graces),
  entry<LocksRequest>('locks', locks),
  entry<LocksRequest>('waiters', waiters),
  entry<UnlockIpRequest>('unlock-ip', unlockIp),
  entry<UnlockFsRequest>('unlock-fs', unlockFs),
  entry<UnlockClientRequest>('unlock-client', unlockClient),
  entry<UnlockLockRequest>('unlock-lock', unlockLock),
  entry<GraceOpenRequest>('grace-open', graceOpen),
  entry<GraceRequest>('grace-end', graceEnd),
  entry('grace-status', graceStatus),
  entry<PurgeReportRequest>('purge-report', purgeReport),
  entry<NotifyRequest>('notify', notify),
  entry<NotifyStatusRequest>('notify-status', notifyStatus),
  entry<ReleaseRequest>('release', release),
  entry<TakeRequest>('take', take),
  entry<GroupStatusRequest>('group-status', groupStatus),
  entry<TraceRequest>('trace', trace),
]);
