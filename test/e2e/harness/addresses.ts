/** The addresses of the test network, the same in every run: it lies in network namespaces of its own. */

/** The server: its own address, the two floating ones it starts with, and one that comes and goes. */
export const server = { name: 'server', own: '10.77.0.11', own6: 'fd77::11' } as const;
/** Of a cluster: the one above, its peer, and the witness. */
export const peer = { name: 'peer', own: '10.77.0.12' } as const;
export const witness = { name: 'witness', own: '10.77.0.13' } as const;
export const floating = '10.77.0.100';
export const otherFloating = '10.77.0.101';
export const lateFloating = '10.77.0.102';
export const floating6 = 'fd77::100';

export const clients = {
  client1: { ip4: '10.77.0.21', ip6: 'fd77::21', mac: '52:54:00:4d:00:21' },
  client2: { ip4: '10.77.0.22', ip6: 'fd77::22', mac: '52:54:00:4d:00:22' },
} as const;
export type ClientName = keyof typeof clients;

/** The name of the floating address: a server's statd has to give it in SM_NOTIFY. */
export const floatingName = 'floating';

/** /etc/hosts of the guests and of the server. */
export function hosts(): string {
  const lines = ['127.0.0.1 localhost', `${server.own} ${server.name}`, `${floating} ${floatingName}`];
  for (const [name, { ip4 }] of Object.entries(clients)) lines.push(`${ip4} ${name}`);
  return `${lines.join('\n')}\n`;
}
