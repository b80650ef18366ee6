/** Medians over rounds. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length === 0 ? Number.NaN : (sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2;
}

/** The value of `of` in each round over that of `over` in the same round: both had the same noise. */
export function ratios(of: readonly number[], over: readonly number[]): number[] {
  return of.flatMap((value, round) => (over[round] === undefined ? [] : [value / over[round]]));
}
