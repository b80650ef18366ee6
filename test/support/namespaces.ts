/** A host of one's own for a scene, as root: network, mounts and processes, all of which end with it. */
export const PRIVATE_HOST: readonly string[] = [
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--propagation',
  'private',
];
