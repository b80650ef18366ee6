/**
 * Loaded into each process of the tests: once nothing is left to wait for it ends. Node 20 would free itself first, in a
 * loop that may turn for ever where a socket was cut off in the middle of a write. What is left open still keeps it.
 */

process.once('beforeExit', (code) => process.exit(code));
