// Owns the JVM: starts it, sends it one line a call, and gives each answer to whoever waits for it. A
// thread of its own, so that the test's thread can wait for a synchronous call as JSI would.
'use strict';
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const { parentPort, workerData } = require('node:worker_threads');

const jvm = spawn(workerData.java, workerData.arguments, { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();

createInterface({ input: jvm.stdout }).on('line', (line) => {
  const said = JSON.parse(line);
  if (said.event) {
    parentPort.postMessage(said);
    return;
  }
  const { signal, port } = waiting.get(said.id);
  waiting.delete(said.id);
  if (signal) {
    port.postMessage(said);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  } else {
    parentPort.postMessage(said);
  }
});

parentPort.on('message', (message) => {
  if (message.end) {
    jvm.stdin.end();
    return;
  }
  const { line, id, signal, port } = message;
  waiting.set(id, { signal, port });
  jvm.stdin.write(`${line}\n`);
});

jvm.on('exit', (code, signal) => {
  // Nobody waits for an answer that cannot come: a JVM that died is a failure of the test.
  for (const [id, waiter] of waiting) {
    const said = { id, thrown: `the JVM ended with ${code ?? signal}` };
    if (waiter.signal) {
      waiter.port.postMessage(said);
      Atomics.store(waiter.signal, 0, 1);
      Atomics.notify(waiter.signal, 0);
    } else {
      parentPort.postMessage(said);
    }
  }
  parentPort.postMessage({ ended: code ?? signal });
  parentPort.close();
});
