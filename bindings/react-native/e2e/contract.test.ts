import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describeContract } from '../tests/contract/index.ts';
import { cloudSide, theCarelessCloud, theHub, theModule } from './app.ts';
import { Organisation, Phone } from './phone.ts';

const app = theModule();
const phone = new Phone(app.home);
const directory = mkdtempSync(path.join(tmpdir(), 'amana-organisation-'));
const organisation = new Organisation(directory);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const lines: Socket[] = [];
const silent = createServer((line) => lines.push(line));
beforeAll(() => new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  lines.forEach((line) => line.destroy());
  silent.close();
});

describeContract('the real library', {
  // names are used once, so one disk serves all tests
  fresh: () => Promise.resolve(app.module),
  done: () => Promise.resolve(),
  silent: () => `https://127.0.0.1:${(silent.address() as AddressInfo).port}`,
  cloud: cloudSide('SHARED'),
  careless: theCarelessCloud,
  phone: () => ({
    damage: (vault) => void phone.damage(vault, 1),
    watchSecrets: () => {
      const before = phone.secrets();
      return () => phone.lose(phone.secrets().filter((name) => !before.includes(name)));
    },
    confirms: () => (phone.person = true),
    recoveryKey: organisation.publicKey,
    answer: (request) => organisation.answer(request, request.fingerprint),
  }),
  hub: theHub,
});
