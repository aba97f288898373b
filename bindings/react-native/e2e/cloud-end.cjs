// Ends the reference servers after all tests.
'use strict';
const { once } = require('node:events');
const { rmSync } = require('node:fs');

module.exports = async () => {
  const { peers, directory } = globalThis.__amanaClouds;
  for (const peer of peers) {
    const ended = once(peer, 'exit');
    peer.stdin.end();
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
};
