/**
 * Runs the steps of a takeover one after the other, each an event with its outcome and duration. A step that fails
 * stops the sequence there; the same sequence again goes on from that step: what is done in this takeover is passed
 * over, but for the steps that only this process knows of.
 */

import { LedgerError } from '../base/errors.js';
import type { Command } from '../core/command.js';
import type { StepOutcome } from '../core/life.js';
import type { Outcome } from '../core/outcome.js';
import type { MemberPort } from './port.js';

export interface StepResult {
  readonly outcome: Exclude<StepOutcome, 'failed'>;
  readonly detail: string;
}

export interface Step {
  readonly step: string;
  /** Done again in each run: sockets and flags of this process, which no event speaks of. */
  readonly always?: boolean;
  readonly run: () => Promise<StepResult>;
}

export interface StepReport {
  readonly step: string;
  readonly outcome: StepOutcome;
  readonly detail: string;
  readonly milliseconds: number;
}

export function done(detail = ''): StepResult {
  return { outcome: 'done', detail };
}

export function skipped(detail: string): StepResult {
  return { outcome: 'skipped', detail };
}

/** `stopping` ends it before the next step. @throws LedgerError of the step that failed, with `details.step` */
export async function runSteps(
  port: MemberPort,
  node: string,
  steps: readonly Step[],
  stopping: AbortSignal,
): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  for (const { step, always, run } of steps) {
    if (stopping.aborted) throw stopped(port.name, step, new LedgerError('unavailable', 'the node is stopping'));
    const before = port.state?.life.steps.find((other) => other.step === step);
    if (always !== true && before !== undefined && before.outcome !== 'failed') continue;
    const began = performance.now();
    let report: StepReport;
    let failure: LedgerError | undefined;
    try {
      report = { step, ...(await run()), milliseconds: since(began) };
    } catch (error) {
      failure = asLedgerError(error);
      report = { step, outcome: 'failed', detail: failure.message, milliseconds: since(began) };
    }
    reports.push(report);
    try {
      await submitted(port, { type: 'record-step', node, ...report });
    } catch (error) {
      // Where the group was lost on the way, the step's own failure says more.
      throw failure === undefined ? asLedgerError(error) : stopped(port.name, step, failure);
    }
    if (failure !== undefined) throw stopped(port.name, step, failure);
  }
  return reports;
}

/** The outcome of a command that was not refused. @throws LedgerError `refused`, `not-found`, or why it was withheld */
export async function submitted(port: MemberPort, command: Command): Promise<Outcome> {
  const settled = await port.submit(command);
  if (settled.type === 'withheld') throw settled.cause;
  const { outcome } = settled;
  if (outcome.type === 'refused') throw new LedgerError('refused', `group ${port.name}: ${outcome.why}`);
  if (outcome.type === 'not-found') throw new LedgerError('not-found', `group ${port.name} has no ${outcome.what}`);
  return outcome;
}

function stopped(group: string, step: string, cause: LedgerError): LedgerError {
  const message = `group ${group} stopped at step ${step}: ${cause.message}; mend it and give the same order again: it goes on from there`;
  return new LedgerError(cause.code, message, { cause, details: { ...cause.details, group, step } });
}

function asLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  return new LedgerError('io', error instanceof Error ? error.message : String(error), { cause: error });
}

function since(began: number): number {
  return Math.round(performance.now() - began);
}
