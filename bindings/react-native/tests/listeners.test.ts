/** A listener of an app that throws stops nothing, and is heard of once. */
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { Cell } from '../src/cell.ts';
import { tell, uncaught } from '../src/listeners.ts';
import { changingPeers, onPeersChanged } from '../src/notices.ts';
import { syncStore } from '../src/sync-store.ts';
import { PATIENT, until } from './contract/harness.ts';
import { uncaughtErrors } from './uncaught.ts';

const errors = uncaughtErrors();
const bad = (what: string) => () => {
  throw new Error(what);
};

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
});
const patients = () => vault.table('patients');

test('an observed query goes on behind a listener that threw, and so does an observed record', async () => {
  const id = await patients().create(PATIENT);
  const seen: unknown[] = [];
  const throwing = (name: unknown) => {
    seen.push(name);
    throw new Error(`shown ${seen.length}`);
  };
  const stop = patients().query().observe((rows) => throwing(rows[0]?.given_name));
  await until(() => seen.length === 1);
  await errors.reported();
  await patients().update(id, { given_name: 'Noor' });
  await until(() => seen.length === 2);
  stop();
  const stopOne = patients().observe(id, (row) => throwing(row?.given_name));
  await until(() => seen.length === 3);
  await patients().update(id, { given_name: 'Basma' });
  await until(() => seen.length === 4);
  stopOne();
  await errors.reported();
  expect(seen).toEqual(['Amal', 'Noor', 'Noor', 'Basma']);
  expect(errors.seen).toEqual([1, 2, 3, 4].map((n) => [`shown ${n}`, false]));
});

test('without React Native the error is thrown where nobody is in the way', () => {
  (globalThis as { ErrorUtils?: unknown }).ErrorUtils = undefined;
  const timer = jest.spyOn(globalThis, 'setTimeout').mockImplementation();
  tell([bad('odd')]);
  uncaught(new Error('odd, too'));
  const [first, second] = timer.mock.calls.map(([thrown]) => thrown);
  timer.mockRestore();
  expect(first).toThrow('odd');
  expect(second).toThrow('odd, too');
});

test('no listener of a vault starves those behind it', async () => {
  const heard = new Set<string>();
  /** Two listeners of a kind, the first of which throws. */
  const both = (kind: string, listen: (listener: () => void) => () => void) => {
    const first = listen(bad(kind));
    const second = listen(() => heard.add(kind));
    return () => [first, second].forEach((stop) => stop());
  };
  const stops = [
    both('change', (listener) => vault.onChange(listener)),
    both('values', (listener) => vault.storage.subscribe(listener)),
    both('state', (listener) => vault.onState(listener)),
    both('peers', (listener) => onPeersChanged(vault.handle, listener)),
  ];
  await patients().create(PATIENT);
  await vault.storage.setItem('language', 'ar');
  // nor the call that they hear of
  expect(await changingPeers(vault.handle, Promise.resolve(1))).toBe(1);
  await vault.lock();
  await vault.glance();
  await errors.reported();
  stops.forEach((stop) => stop());
  expect([...heard].sort()).toEqual(['change', 'peers', 'state', 'values']);
  expect(errors.seen.map(([what]) => what).sort()).toEqual(['change', 'peers', 'state', 'values']);
});

test('no listener to a sync stops it or what shows it', async () => {
  await vault.signIn({ url: 'https://clinic.example', email: 'a', password: 'b' });
  const store = syncStore(vault);
  const phases: string[] = [];
  let shown = 0;
  const stops = [store.subscribe(bad('view')), store.subscribe(() => shown++)];
  const stop = vault.sync({ onProgress: bad('progress') });
  const report = await store.sync({
    onProgress: ({ phase }) => {
      phases.push(phase);
      throw new Error('progress');
    },
  });
  await stop;
  expect(report).not.toBeNull();
  await until(() => store.get().status?.person?.name === 'a');
  expect(phases).toContain('finished');
  expect(shown).toBeGreaterThan(3);
  stops.forEach((end) => end());
  await errors.reported();
  expect(new Set(errors.seen.map(([what]) => what))).toEqual(new Set(['view', 'progress']));
});

test('no listener to a value that is there at once starves those behind it', () => {
  let value = 1;
  const cell = new Cell<number>({ read: () => value, watch: () => () => undefined });
  const second = jest.fn();
  const stops = [cell.subscribe(bad('first')), cell.subscribe(second)];
  second.mockClear();
  value = 2;
  cell.refresh();
  expect(second).toHaveBeenCalledTimes(1);
  stops.forEach((stop) => stop());
});
