/** What tshark has to be told to read our packets: RPC is found by its look on any port, and taken for granted on ours. */
export function decodeAs(ports: readonly number[]): readonly string[] {
  const given = ports.flatMap((port) => ['-d', `tcp.port==${port},rpc`, '-d', `udp.port==${port},rpc`]);
  // The DLEP dissector takes the call of lockd's ports for its own.
  return ['--disable-protocol', 'dlep', '--enable-heuristic', 'rpc_tcp', '--enable-heuristic', 'rpc_udp', ...given];
}

/** What tshark marks in a packet that does not decode to its end. */
export const MALFORMED = '_ws.malformed || _ws.expert.group == "Malformed" || rpc.unknown_body';
