/** From a file handle to its file: what the exports and groups of the configuration make of it. */

import type { Bytes } from '../base/bytes.js';
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

export class FileRoutes {
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
    const mapped = this.#handles.lookup(handle);
    if (mapped !== undefined && this.#options.serves(mapped.fileSystem)) {
      return { key: mapped.key, fileSystem: mapped.fileSystem, handle };
    }
    this.#unmappedCalls += 1;
    if (this.#samples.size < UNMAPPED_SAMPLES_MAX) this.#samples.add(handle);
    return mapped === undefined && this.#options.unmapped === 'serve'
      ? { key: handle, fileSystem: '', handle }
      : undefined;
  }
}
