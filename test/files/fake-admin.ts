/** A node for the control files: generated locks, and orders that are taken down and end as their address says. */

import { once, EventEmitter } from 'node:events';
import { addressFrom } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';
import type { GracesReply, LockRow, Page } from '../../src/admin/messages.js';
import type { ControlCall } from '../../src/doors/files/admin.js';

export class FakeAdmin {
  readonly orders: ControlCall[] = [];
  graces: GracesReply['graces'] = [];
  pages = 0;
  /** Makes shares of the locks. */
  share: { readonly mode: number; readonly access: number } | undefined;
  readonly #events = new EventEmitter();
  readonly #locks: number;

  constructor(locks = 0) {
    this.#locks = locks;
  }

  /** The next order that arrives. */
  async nextOrder(): Promise<ControlCall> {
    const [call] = (await once(this.#events, 'order')) as [ControlCall];
    return call;
  }

  /** Ends the orders of `10.9.9.9`, which wait for it. */
  release(): void {
    this.#events.emit('release');
  }

  readonly call = async (call: ControlCall): Promise<object> => {
    switch (call.procedure) {
      case 'unlock-ip':
        return this.#unlockIp(call);
      case 'unlock-fs':
        return this.#unlockFs(call);
      case 'locks':
        return this.#page(call);
      case 'waiters':
        return { rows: [] };
      case 'groups':
        return {
          groups: [
            {
              name: 'default',
              epoch: 3,
              position: 812,
              status: 'serving',
              statusReason: '',
              locks: this.#locks,
              waiters: 0,
            },
          ],
        };
      case 'graces':
        return { graces: this.graces };
      default:
        throw new LedgerError('bad-request', `there is no procedure ${call.procedure}`);
    }
  };

  async #unlockIp(call: ControlCall): Promise<object> {
    const address = addressFrom(String(call.request['address']));
    if (address === undefined) throw new LedgerError('bad-address', 'no address');
    this.#take(call);
    if (address === '10.9.9.9') await once(this.#events, 'release');
    if (address === '10.9.9.1') throw new LedgerError('unavailable', 'the ledger is away');
    return {};
  }

  #unlockFs(call: ControlCall): object {
    const path = String(call.request['path']);
    if (path === '/missing') throw new LedgerError('path-not-found', path, { details: { errno: 'ENOENT' } });
    if (path === '/file/below') throw new LedgerError('path-not-found', path, { details: { errno: 'ENOTDIR' } });
    if (path === '/away') throw new LedgerError('unavailable', path);
    this.#take(call);
    return {};
  }

  #take(call: ControlCall): void {
    this.orders.push(call);
    this.#events.emit('order', call);
  }

  #page({ request }: ControlCall): Page<LockRow> {
    this.pages++;
    const from = Number(request['cursor'] ?? 0);
    const to = Math.min(from + Number(request['limit']), this.#locks);
    const rows = Array.from({ length: to - from }, (_each, index) => {
      const row = lockRow(from + index);
      return this.share === undefined ? row : { ...row, kind: 'share' as const, ...this.share };
    });
    return to < this.#locks ? { rows, cursor: String(to) } : { rows };
  }
}

function lockRow(lock: number): LockRow {
  return {
    kind: 'lock',
    group: 'default',
    lock,
    client: `client ${lock % 100}`,
    clientAddress: '10.1.2.3',
    serverAddress: '10.1.1.2',
    svid: lock,
    oh: `${lock}@client`,
    fileSystem: '/srv/data',
    handle: '01000601cf362c02',
    start: '0',
    end: 'eof',
    exclusive: lock % 2 === 0,
    since: 1_900_000_000_000,
  };
}
