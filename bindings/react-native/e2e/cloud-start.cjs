// Starts the reference servers before all tests: three clouds, one of them for the tests that compare
// what two tablets hold, one that errs where a test lets it; a hub, and one that has not its key.
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
  for (const name of ['ALONE', 'SHARED', 'CARELESS']) {
    const ca = join(directory, `${name}.pem`);
    const peer = await startPeer(libraries, '--ca-out', ca, '--no-rate-limit', '--admin');
    globalThis.__amanaClouds.peers.push(peer);
    const { url, clinic_id: clinic } = peer.said;
    process.env[`AMANA_E2E_${name}`] = JSON.stringify({ ca, url, clinic });
  }
  const hub = await startPeer(libraries, 'hub', '--admin');
  const impostor = await startPeer(libraries, 'hub', '--private-key', 'M'.padEnd(43, 'A'));
  globalThis.__amanaClouds.peers.push(hub, impostor);
  const { url, qr, id, clinic_id: clinic } = hub.said;
  process.env.AMANA_E2E_HUB = JSON.stringify({ url, qr, id, clinic, impostor: impostor.said.url });
};
