/** Everything that one run of the bench has measured. */

import type { Curve } from '../curves/curve.js';
import type { HeldFigures } from './held.js';
import type { ReplicaFigures } from './replicas.js';
import type { Rounds } from './shapes.js';
import type { VolumeFigures } from './volume.js';

export interface Results {
  readonly rounds: Rounds;
  readonly held: readonly HeldFigures[];
  readonly volume: VolumeFigures;
  /** By round; absent where nats-server is not installed. */
  readonly replicas?: readonly ReplicaFigures[] | undefined;
  readonly curves: readonly Curve[];
  /** See yardstick.ts. */
  readonly yardstickMs: number;
}
