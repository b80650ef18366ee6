/**
 * Names for the numbers that events have, made once: the call behind each event is put together from them. A name is
 * found only once (owner-met, file-met), so the numbers stand for the parties without another search.
 */

import type { FileName, OwnerName } from '../../../core/command.js';
import type { Event, FileId, OwnerId } from '../../../core/event.js';
import type { Parties } from '../../../core/names.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, type NlmFiles } from '../../../core/state.js';

export class KnownNames {
  readonly #state: NlmFiles;
  readonly #owners: (OwnerName | undefined)[] = [];
  readonly #files: (FileName | undefined)[] = [];

  constructor(state: NlmFiles) {
    this.#state = state;
  }

  /** Before the event is folded: a number gets another name by it. */
  forget(event: Event): void {
    if (event.type === 'owner-met') this.#owners[event.owner] = undefined;
    else if (event.type === 'file-met') this.#files[event.file] = undefined;
    // Its owners have it in their names; where a number is another client's already, no decision made the event.
    else if (event.type === 'client-met' && this.#state.clients[event.client] !== undefined) this.#owners.length = 0;
  }

  owner(id: OwnerId): OwnerName {
    return (this.#owners[id] ??= this.#ownerOf(id));
  }

  file(id: FileId, handle?: FileName['handle']): FileName {
    const name = (this.#files[id] ??= this.#fileOf(id));
    return handle === undefined ? name : { ...name, handle };
  }

  parties(owner: OwnerId, file: FileId): Parties {
    return { client: clientOf(this.#state, owner), owner, file };
  }

  #ownerOf(owner: OwnerId): OwnerName {
    const state = this.#state;
    const { name, address } = clientOf(state, owner);
    return {
      client: { name, address },
      serverAddress: addressOf(state, owner).address,
      svid: state.owners.get(owner, O_SVID) | 0,
      oh: state.ownerHandles[owner]!,
    };
  }

  #fileOf(file: FileId): FileName {
    const { key, handles } = this.#state.fileNames[file]!;
    return { key, fileSystem: fileSystemOf(this.#state, file).name, handle: handles[0]! };
  }
}
