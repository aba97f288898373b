// Starts the reference server twice before all tests: for the tests that compare what two tablets hold,
// and for all others.
'use strict';
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const { startPeer } = require('./peer.cjs');

module.exports = async () => {
  const libraries = process.env.AMANA_LIB_DIR;
  if (!libraries) throw new Error('AMANA_LIB_DIR is not set: run scripts/test --only react-native');
  const directory = mkdtempSync(join(tmpdir(), 'amana-e2e-'));
  globalThis.__amanaClouds = { peers: [], directory };
  for (const name of ['ALONE', 'SHARED']) {
    const ca = join(directory, `${name}.pem`);
    const peer = await startPeer(libraries, '--ca-out', ca, '--no-rate-limit');
    globalThis.__amanaClouds.peers.push(peer);
    const { url, clinic_id: clinic } = peer.said;
    process.env[`AMANA_E2E_${name}`] = JSON.stringify({ ca, url, clinic });
  }
};
