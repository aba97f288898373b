// Ends the reference servers after all tests.
'use strict';
const { rmSync } = require('node:fs');

module.exports = async () => {
  const { peers, directory } = globalThis.__amanaClouds;
  for (const peer of peers) await peer.end();
  rmSync(directory, { recursive: true, force: true });
};
