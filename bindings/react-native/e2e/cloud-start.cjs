// Starts the reference server twice before all tests: for the tests that compare what two tablets hold,
// and for all others. A server ends when its input is closed.
'use strict';
const { spawn } = require('node:child_process');
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

async function start(libraries, ca) {
  const peer = spawn(
    join(libraries, 'amana-peer'),
    ['--ca-out', ca, '--until-stdin-closes', '--no-rate-limit'],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  );
  const line = await new Promise((resolve, reject) => {
    peer.on('error', reject);
    peer.on('exit', (code) => reject(new Error(`amana-peer ended with ${code}`)));
    createInterface({ input: peer.stdout }).once('line', resolve);
  });
  peer.removeAllListeners('exit');
  return { peer, said: JSON.parse(line) };
}

module.exports = async () => {
  const libraries = process.env.AMANA_LIB_DIR;
  if (!libraries) throw new Error('AMANA_LIB_DIR is not set: run scripts/test --only react-native');
  const directory = mkdtempSync(join(tmpdir(), 'amana-e2e-'));
  globalThis.__amanaClouds = { peers: [], directory };
  for (const name of ['ALONE', 'SHARED']) {
    const ca = join(directory, `${name}.pem`);
    const { peer, said } = await start(libraries, ca);
    globalThis.__amanaClouds.peers.push(peer);
    process.env[`AMANA_E2E_${name}`] = JSON.stringify({ ca, url: said.url, clinic: said.clinic_id });
  }
};
