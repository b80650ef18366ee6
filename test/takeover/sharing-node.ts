/** A node of a cluster, as a door has it: its group is one of the scene's. */

import { callAdmin } from '../../src/admin/call.js';
import { checkReply } from '../../src/admin/schema.js';
import { FakeNode } from '../support/fake-node.js';
import type { TestMember } from './member.js';

export class SharingNode extends FakeNode {
  readonly #name: string;

  constructor(name: string, member: TestMember) {
    super();
    this.#name = name;
    this.shared = [member.takeover];
  }

  override node() {
    return { ...super.node(), name: this.#name };
  }

  async ask<Reply extends object>(procedure: string, request: object, door = 'socket'): Promise<Reply> {
    const facts = { actor: 'uid:0', door, commandId: `generated-${procedure}`, now: 0 };
    const reply = await callAdmin(this, { procedure, request, ...facts });
    checkReply(procedure, reply);
    return reply as Reply;
  }
}
