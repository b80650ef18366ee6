/** The folder of control files: five names, fixed for the life of the mount. */

/** One write is one command. */
export type OrderName = 'unlock_ip' | 'unlock_filesystem';

/** Text to read. */
export type ListingName = 'nlm_files' | 'groups' | 'grace';

export type ControlFile = (
  { readonly kind: 'order'; readonly name: OrderName } | { readonly kind: 'listing'; readonly name: ListingName }
) & {
  /** Number of the inode that is shown, and of the node in FUSE: the first one, where a file has several. */
  readonly node: number;
  /** As the kernel has them: orders are root's, what /proc/locks shows is everybody's. */
  readonly mode: number;
};

/** FUSE_ROOT_ID. */
export const ROOT_NODE = 1;

export const FILES: readonly ControlFile[] = [
  { name: 'unlock_ip', node: 2, kind: 'order', mode: 0o600 },
  { name: 'unlock_filesystem', node: 3, kind: 'order', mode: 0o600 },
  { name: 'nlm_files', node: 4, kind: 'listing', mode: 0o444 },
  { name: 'groups', node: 5, kind: 'listing', mode: 0o444 },
  { name: 'grace', node: 6, kind: 'listing', mode: 0o444 },
];

const NODES = 8;

/**
 * A node of its own for each finding of an order's file. The kernel lets one writer at a time write to a node, and a
 * writer behind one that waits for the ledger could not even be killed; so each gets another node of the same file.
 */
export function nodeOfFinding(file: ControlFile, finding: number): number {
  return file.kind === 'order' ? file.node + finding * NODES : file.node;
}

export function fileOfNode(node: number): ControlFile | undefined {
  return FILES.find((file) => file.node === node || (file.kind === 'order' && file.node === node % NODES));
}
