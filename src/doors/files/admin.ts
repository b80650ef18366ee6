/** What the control files ask of the node: administrative procedures by name, the same as behind every other door. */

import { randomUUID } from 'node:crypto';
import type { AdminCall } from '../../admin/call.js';

/** The actor is `uid:N`, as FUSE reports who wrote; `uid:-` for listings. */
export interface ControlCall extends AdminCall {
  readonly request: Readonly<Record<string, unknown>>;
  readonly door: 'files';
}

/** Resolves once what the reply says is durable. Rejects with LedgerError. */
export type ControlAdmin = (call: ControlCall) => Promise<object>;

export function controlCall(procedure: string, request: ControlCall['request'], actor: string): ControlCall {
  return { procedure, request, actor, door: 'files', commandId: randomUUID(), now: Date.now() };
}
