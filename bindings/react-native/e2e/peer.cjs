// A reference peer (tests/peer) as a process of its own. It ends when its input is closed.
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const https = require('node:https');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

/** Starts one; resolves to what it says once it is ready, and how to end it. */
async function startPeer(libraries, ...args) {
  const peer = spawn(join(libraries, 'amana-peer'), [...args, '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise((resolve, reject) => {
    peer.on('error', reject);
    peer.on('exit', (code) => reject(new Error(`amana-peer ended with ${code}`)));
    createInterface({ input: peer.stdout }).once('line', resolve);
  });
  peer.removeAllListeners('exit');
  const end = async () => {
    const ended = once(peer, 'exit');
    peer.stdin.end();
    await ended;
  };
  return { said: JSON.parse(line), end };
}

/** Sets switches of a peer that was started with `--admin`: a hub, or a cloud of this authority. */
async function setFaults(url, switches, ca) {
  const asked = (ca === undefined ? http : https).request(`${url}/__peer/faults`, {
    method: 'POST',
    ca,
    headers: { 'content-type': 'application/json' },
  });
  asked.end(JSON.stringify(switches));
  const [answer] = await once(asked, 'response');
  answer.resume();
  if (answer.statusCode !== 200) throw new Error(`the peer answered ${answer.statusCode}`);
}

module.exports = { startPeer, setFaults };
