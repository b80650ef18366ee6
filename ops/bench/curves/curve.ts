/** The curves of the bench: what was measured, of what, and how it may grow. */

import type { Point } from './fit.js';

export interface Curve {
  /** Names the file of its drawing. */
  readonly name: string;
  readonly title: string;
  /** What n counts. */
  readonly of: string;
  readonly unit: string;
  readonly points: readonly Point[];
  /**
   * The largest exponent that the design allows, with room for caches that get too small: 0 for what costs the same at any
   * size (a logarithm shows as 0.1 to 0.2), 1 for what costs something for each thing that it frees or reads.
   */
  readonly exponentMax: number;
  /** Why it does not go as far as it should. */
  readonly cut?: string;
}

/** Constant or a logarithm; memory that no cache holds any more makes a few times of it over four orders of magnitude. */
export const FLAT = 0.45;
/** In proportion. */
export const LINEAR = 1.25;
