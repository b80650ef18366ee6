/**
 * What an operator signs of an order: a text with the procedure, the whole request and the time, the same out of the
 * same on every machine. The node that checks it makes it anew from the request that came.
 *
 *     nlm-ledger order v1
 *     {"procedure":"unlock-ip","request":{...},"time":1900000000000}
 *
 * JSON without spaces, the keys of the request sorted; `actor`, `dryRun` and the signature itself are not in it.
 */

const TITLE = 'nlm-ledger order v1';
const UNSIGNED: ReadonlySet<string> = new Set(['actor', 'dryRun', 'signature']);

/** `time`: milliseconds since 1970, of the signing. */
export function orderStatement(procedure: string, request: object, time: number): string {
  const signed = Object.entries(request)
    .filter(([key, value]) => !UNSIGNED.has(key) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `${TITLE}\n${JSON.stringify({ procedure, request: Object.fromEntries(signed), time })}\n`;
}
