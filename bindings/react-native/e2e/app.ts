/** A JVM for the tests of one file, and the people of the reference server. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import hikma from '../src/jest/hikma-schema.ts';
import { setNative } from '../src/native.ts';
import type { Spec } from '../src/NativeAmana.ts';
import { forgetVaults } from '../src/vault.ts';
import type { CarelessCloud, CloudSide, HubSide } from '../tests/contract/harness.ts';
import { NOWHERE } from '../tests/contract/harness.ts';
import type { JvmModule } from './jvmModule.ts';
import { required, startJvm } from './jvmModule.ts';

/** The native module of this file: started before its tests; a JVM that dies fails them. */
export function theModule(): { readonly module: Spec; readonly home: string } {
  const home = mkdtempSync(path.join(tmpdir(), 'amana-app-'));
  let jvm: JvmModule | null = null;
  beforeAll(() => {
    // Events come when the library sends them, as in an app, and not while a test calls `act`.
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
    jvm = startJvm(home);
    setNative(jvm.module);
  });
  afterAll(async () => {
    setNative(null);
    forgetVaults();
    const code = await jvm?.end();
    rmSync(home, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the JVM ended with ${code}`);
  });
  return {
    home,
    get module() {
      if (jvm === null) throw new Error('the JVM is not started yet');
      return jvm.module;
    },
  };
}

/** The reference server and two of its people: one that other files use too, or one for one file alone. */
export function theCloud(which: 'SHARED' | 'ALONE' | 'CARELESS' = 'SHARED') {
  const { ca, url, clinic } = JSON.parse(required(`AMANA_E2E_${which}`)) as Record<
    'ca' | 'url' | 'clinic',
    string
  >;
  const server = { url, privateCaPem: readFileSync(ca, 'utf8') };
  return {
    noor: { ...server, email: 'noor@clinic-a.example', password: 'Cedar-River-7' },
    sami: { ...server, email: 'sami@clinic-a.example', password: 'Olive-Stone-4' },
    clinic,
  };
}

const { setFaults } = jest.requireActual<{
  setFaults: (url: string, switches: object, ca?: string) => Promise<void>;
}>('./peer.cjs');

/** The reference server as the contract knows it. */
export function cloudSide(which: 'SHARED' | 'CARELESS'): CloudSide {
  const { noor, clinic } = theCloud(which);
  const { url, privateCaPem: ca, email, password } = noor;
  return { url, ca, email, password, clinic, nowhere: NOWHERE };
}

/** The reference server that errs where a test lets it. */
export function theCarelessCloud(): CarelessCloud {
  const side = cloudSide('CARELESS');
  const set = (switches: object) => setFaults(side.url, switches, side.ca);
  return {
    ...side,
    dropPush: () => set({ answer: { kind: 'push', status: 200, body: '{"success":true}' } }),
    showNothing: async () => {
      // empty tables: one that is left out says nothing
      const none = { created: [], updated: [], deleted: [] };
      const changes = Object.fromEntries(hikma.tables.map(({ name }) => [name, none]));
      const text = JSON.stringify({ changes, timestamp: Date.now() });
      await set({ replace_pull: { text } });
      return () => set({ replace_pull: 'nothing' });
    },
  };
}

/** The reference hub, which knows the same people. Its records stay from test to test. */
export function theHub(): HubSide {
  const { noor, sami } = theCloud();
  const { id, ...said } = JSON.parse(required('AMANA_E2E_HUB')) as Record<
    'url' | 'qr' | 'id' | 'clinic' | 'impostor',
    string
  >;
  return {
    ...said,
    peer: `hub:${id}`,
    name: 'Reference hub',
    people: [noor, sami],
    holdPull: async () => {
      await setFaults(said.url, { hold_pull_after: 64 });
      return () => setFaults(said.url, { clear: true, release: true });
    },
  };
}

/** A vault name that no other test of this file uses. */
let names = 0;
export const aName = (): string => `e${++names}`;
