/** Everything that one run of the bench has measured. */

import type { Curve } from '../curves/curve.js';
import type { HeldFigures } from './held.js';
import type { Rounds } from './shapes.js';
import type { VolumeFigures } from './volume.js';

export interface Results {
  readonly rounds: Rounds;
  readonly held: readonly HeldFigures[];
  readonly volume: VolumeFigures;
  readonly curves: readonly Curve[];
  /** See yardstick.ts. */
  readonly yardstickMs: number;
}
