// Starts the reference server, as a clinic's cloud, before all tests. It ends when its input is closed.
'use strict';
const { spawn } = require('node:child_process');
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

module.exports = async () => {
  const libraries = process.env.AMANA_LIB_DIR;
  if (!libraries) throw new Error('AMANA_LIB_DIR is not set: run scripts/test --only react-native');
  const directory = mkdtempSync(join(tmpdir(), 'amana-e2e-'));
  const ca = join(directory, 'ca.pem');
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
  globalThis.__amanaCloud = { peer, directory };
  const { url, clinic_id: clinic } = JSON.parse(line);
  Object.assign(process.env, { AMANA_E2E_URL: url, AMANA_E2E_CLINIC: clinic, AMANA_E2E_CA: ca });
};
