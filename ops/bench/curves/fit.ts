/** A power law through points: the exponent says how a cost grows with its size. */

export interface Point {
  readonly n: number;
  readonly value: number;
}

/** The exponent k of value ~ n^k, by least squares over the logarithms; NaN for fewer than two points. */
export function exponentOf(points: readonly Point[]): number {
  const logs = points.filter(({ value }) => value > 0).map(({ n, value }) => [Math.log(n), Math.log(value)] as const);
  if (logs.length < 2) return Number.NaN;
  const mean = (axis: 0 | 1): number => logs.reduce((sum, log) => sum + log[axis], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const over = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0);
  return over / logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0);
}
