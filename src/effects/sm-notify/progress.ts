/** How far the notice to one client has come: what an operator sees of notifier.ts. */

/** How far a notice to a client is, in this process's life. */
export interface NoticeProgress {
  /** `waiting`: no copy has left yet; `sent`: one has, unanswered so far. */
  readonly phase: 'waiting' | 'sent' | 'answered' | 'given-up';
  readonly attempts: number;
  /** Why the last copy failed, or why none leaves. */
  readonly problem: string | undefined;
  /** Milliseconds since 1970: of the last copy, and of the next. */
  readonly last: number | undefined;
  readonly next: number | undefined;
}
