/** What the doctor says: one finding is one line, with what to do where something is to be done. */

export type Level = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** The check that found it. */
  readonly check: string;
  /** `warn`: works, or will; not as it should. `fail`: clients cannot lock, or locks are in danger. */
  readonly level: Level;
  readonly what: string;
  /** What to do; absent where all is well. */
  readonly todo?: string;
}

/** A finding without the name of its check, which the table adds. */
export type Said = Omit<Finding, 'check'>;

export function ok(what: string): Said {
  return { level: 'ok', what };
}

export function warn(what: string, todo: string): Said {
  return { level: 'warn', what, todo };
}

export function fail(what: string, todo: string): Said {
  return { level: 'fail', what, todo };
}

export function worst(findings: readonly Finding[]): Level {
  if (findings.some(({ level }) => level === 'fail')) return 'fail';
  return findings.some(({ level }) => level === 'warn') ? 'warn' : 'ok';
}
