/** A JVM for the tests of one file, and the people of the reference server. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { setNative } from '../src/native.ts';
import type { Spec } from '../src/NativeAmana.ts';
import { forgetVaults } from '../src/vault.ts';
import type { HubSide } from '../tests/contract/harness.ts';
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

/** The reference server and two of its people: one that other files use too, or one for this file alone. */
export function theCloud(which: 'SHARED' | 'ALONE' = 'SHARED') {
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

/** The reference hub, which knows the same people. Its records stay from test to test. */
export function theHub(): HubSide {
  const { noor, sami } = theCloud();
  const { id, ...said } = JSON.parse(required('AMANA_E2E_HUB')) as Record<
    'url' | 'qr' | 'id' | 'clinic' | 'impostor',
    string
  >;
  const { setFaults } = jest.requireActual<{
    setFaults: (url: string, switches: object) => Promise<void>;
  }>('./peer.cjs');
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
