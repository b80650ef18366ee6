/**
 * Signed orders: who may sign which, and whether a signature is what it says, before anything is submitted. What was
 * signed goes into the ledger with the order, so that "who ordered this" is no hearsay.
 *
 * A copy of a signed order does nothing twice: its command id, which it must have, is remembered by the ledger for
 * longer than a signature counts. What is older than that is refused.
 */

import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { OrderSignature } from '../core/command.js';
import { readPublicKey, verifies } from '../signing/nkey.js';
import { orderStatement } from '../signing/statement.js';
import type { AdminCall } from './call.js';
import type { OrderRequest } from './messages.js';

export interface Signer {
  /** Recorded as the actor: `nkey:NAME`. */
  readonly name: string;
  /** A public nkey. */
  readonly key: string;
  /** Procedures that it may order. */
  readonly may: readonly string[];
}

export interface SigningRules {
  /** An order without a signature is refused. */
  readonly require: boolean;
  /** A signature counts for so long, both ways: clocks differ. */
  readonly ageMsMax: number;
  readonly keys: readonly Signer[];
}

/** The orders that may be signed, and that `require` is about. */
const SIGNED: ReadonlySet<string> = new Set([
  'unlock-ip',
  'unlock-fs',
  'unlock-client',
  'unlock-lock',
  'release',
  'take',
]);

/** The call with its actor and signature as they are known now. @throws LedgerError 'refused', 'bad-request' */
export function authorised(call: AdminCall, rules: SigningRules | undefined): AdminCall {
  if (!SIGNED.has(call.procedure)) return call;
  // The cast states what the schema of the procedure has checked.
  const request = call.request as OrderRequest;
  if (request.signature === undefined) {
    if (rules?.require !== true || request.dryRun === true) return call;
    throw new LedgerError('refused', 'this node takes signed orders alone: nothing was done', {
      details: { next: 'sign it: --sign SEEDFILE, with a key that the configuration has in audit.orders.keys' },
    });
  }
  const { key, time, signature } = request.signature;
  const signer = rules?.keys.find((one) => one.key === key);
  if (rules === undefined || signer === undefined) {
    throw new LedgerError('refused', `the key ${key} is not in audit.orders.keys of this node: nothing was done`);
  }
  if (!signer.may.includes(call.procedure)) {
    throw new LedgerError(
      'refused',
      `${signer.name} may not order ${call.procedure} (audit.orders.keys): nothing was done`,
    );
  }
  if (request.commandId === undefined)
    throw new LedgerError('bad-request', 'a signed order needs a command id: it is what makes a copy of it harmless');
  if (Math.abs(call.now - time) > rules.ageMsMax) {
    throw new LedgerError(
      'refused',
      `the signature is of ${new Date(time).toISOString()}, and counts for ${rules.ageMsMax / 1000} s (audit.orders.ageMs): sign it anew, and compare the clocks`,
    );
  }
  const statement = orderStatement(call.procedure, request, time);
  const bytes = Buffer.from(signature, 'base64');
  if (!verifies(readPublicKey(key), Buffer.from(statement), bytes)) {
    throw new LedgerError('refused', `the signature of ${signer.name} is not of this order: nothing was done`);
  }
  // One character a byte, as all opaque bytes stand.
  const signed: OrderSignature = { key, statement, signature: bytes.toString('latin1') as Bytes };
  return { ...call, actor: `nkey:${signer.name}`, signature: signed };
}
