// Ends the reference server after all tests.
'use strict';
const { once } = require('node:events');
const { rmSync } = require('node:fs');

module.exports = async () => {
  const { peer, directory } = globalThis.__amanaCloud;
  const ended = once(peer, 'exit');
  peer.stdin.end();
  await ended;
  rmSync(directory, { recursive: true, force: true });
};
