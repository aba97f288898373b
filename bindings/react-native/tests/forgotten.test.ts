/**
 * What was read is let go of when the vault is locked: looked for in the whole heap of this process. The
 * mock keeps records in memory, so here the module's answers are made up as they are given.
 */
import { getHeapSnapshot } from 'node:v8';

import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { native, setNative } from '../src/native.ts';
import type { Spec } from '../src/NativeAmana.ts';
import { syncStore } from '../src/sync-store.ts';
import { PATIENT, until } from './contract/harness.ts';

/** The name that is looked for, as bytes outside of the heap: as a text it would be found by itself. */
const marker = Buffer.from('xbmbobPgUifIfbq'.split('').map((c) => c.charCodeAt(0) - 1));

/** Whether any text of the heap holds the name. A snapshot collects garbage first. */
async function isInTheHeap(): Promise<boolean> {
  let before = Buffer.alloc(0);
  let found = false;
  for await (const chunk of getHeapSnapshot() as AsyncIterable<Buffer>) {
    const joined = Buffer.concat([before, Buffer.from(chunk)]);
    found ||= joined.includes(marker);
    before = joined.subarray(-marker.length);
  }
  return found;
}

/** A module that answers with the name. */
function naming(module: Spec): Spec {
  const named = (text: string) => text.replaceAll(PATIENT.given_name, marker.toString());
  return new Proxy(module, {
    get: (target, what) => {
      const member = Reflect.get(target, what, target) as unknown;
      if (typeof member !== 'function') return member;
      const method = member.bind(target) as (...args: unknown[]) => unknown;
      if (what === 'queryRecords' || what === 'findRecord') {
        return async (...args: unknown[]) => named((await method(...args)) as string);
      }
      if (what === 'syncStatus') {
        return async (...args: unknown[]) =>
          JSON.parse(named(JSON.stringify(await method(...args)))) as unknown;
      }
      return method;
    },
  });
}

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
  await vault.signIn({ url: 'https://clinic.example', email: PATIENT.given_name, password: 'b' });
  const id = await vault.table('patients').create(PATIENT);
  await vault.table('visits').create({ patient_id: id });
  setNative(naming(native()));
});
afterEach(() => amanaMock.reset());

const patients = () => vault.table('patients');
const idOf = async () => (await patients().query().first())?.id ?? '';

/** Who follows the vault: how it begins, whether it shows the name, and how it ends. */
const followers: [string, () => Promise<{ shows: () => boolean; stop: () => void }>][] = [
  [
    'an observed query',
    async () => {
      let length = 0;
      const results = patients().query();
      const stop = results.observe((rows) => (length = rows[0]?.given_name?.length ?? 0));
      return { shows: () => length === marker.length, stop };
    },
  ],
  [
    'a query that brings records along',
    async () => {
      const live = vault.table('visits').query((q) => q.include('patient_id')).live();
      const stop = live.subscribe(() => undefined);
      const name = () => live.get().value[0]?.$related.patient_id?.given_name;
      return { shows: () => name()?.length === marker.length, stop };
    },
  ],
  [
    'an observed record',
    async () => {
      let length = 0;
      const stop = patients().observe(await idOf(), (row) => (length = row?.given_name?.length ?? 0));
      return { shows: () => length === marker.length, stop };
    },
  ],
  [
    'what shows a sync',
    async () => {
      const store = syncStore(vault);
      const stop = store.subscribe(() => undefined);
      return { shows: () => store.get().status?.person?.name.length === marker.length, stop };
    },
  ],
];

test('nothing of a locked vault is kept, whoever follows it', async () => {
  const following = await Promise.all(followers.map(([, follow]) => follow()));
  await until(() => following.every(({ shows }) => shows()));
  expect(await isInTheHeap()).toBe(true);
  await vault.lock();
  await vault.glance();
  expect(await isInTheHeap()).toBe(false);
  following.forEach(({ stop }) => stop());
});

test('nor where nobody listened any more when it was locked', async () => {
  const following = await Promise.all(followers.map(([, follow]) => follow()));
  await until(() => following.every(({ shows }) => shows()));
  following.forEach(({ stop }) => stop());
  await vault.lock();
  await vault.glance();
  expect(await isInTheHeap()).toBe(false);
  // those who followed are still there: it is not gone with them
  expect(following).toHaveLength(followers.length);
});
