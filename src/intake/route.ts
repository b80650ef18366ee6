/** From a file handle to its file: what the exports and groups of the configuration make of it. */

import type { Bytes } from '../base/bytes.js';
import { Recent } from '../base/recent.js';
import type { FileName } from '../core/command.js';
import type { HandleMap } from '../handles/map.js';

/** What is done with a handle that no export maps. */
export type UnmappedPolicy = 'serve' | 'refuse';

export interface RouteOptions {
  readonly unmapped: UnmappedPolicy;
  /** Whether this node has a group for the file system. */
  readonly serves: (fileSystem: string) => boolean;
}

/** Unmapped handles that are remembered one by one, for people to look at. */
const UNMAPPED_SAMPLES_MAX = 16;

/** Handles kept in each of the two halves of what was looked up of late; some 300 bytes each. */
const KNOWN_MAX = 4096;

/** A handle's file: one object for all calls that name it. */
interface Known {
  readonly file: FileName;
  readonly isMapped: boolean;
}

export class FileRoutes {
  readonly #known = new Recent<Bytes, Known>(KNOWN_MAX);
  readonly #handles: HandleMap;
  readonly #options: RouteOptions;
  readonly #samples = new Set<Bytes>();
  #unmappedCalls = 0;

  constructor(handles: HandleMap, options: RouteOptions) {
    this.#handles = handles;
    this.#options = options;
  }

  /** Calls on unmapped handles since the start, served or refused. */
  get unmappedCalls(): number {
    return this.#unmappedCalls;
  }

  /** Some of the handles that no export maps. */
  get unmappedSamples(): readonly Bytes[] {
    return [...this.#samples];
  }

  /** `undefined` where the handle is refused. An unmapped handle that is served is a file of the file system `''`. */
  fileOf(handle: Bytes): FileName | undefined {
    const { file, isMapped } = this.#known.get(handle) ?? this.#learn(handle);
    if (isMapped && this.#options.serves(file.fileSystem)) return file;
    this.#unmappedCalls += 1;
    if (this.#samples.size < UNMAPPED_SAMPLES_MAX) this.#samples.add(handle);
    return !isMapped && this.#options.unmapped === 'serve' ? file : undefined;
  }

  #learn(handle: Bytes): Known {
    const mapped = this.#handles.lookup(handle);
    const { key, fileSystem } = mapped ?? { key: handle, fileSystem: '' };
    const known = { file: { key, fileSystem, handle, found: 0 }, isMapped: mapped !== undefined };
    this.#known.set(handle, known);
    return known;
  }
}
