/** A listener of an app that throws stops nothing, and is heard of once. */
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { tell, uncaught } from '../src/listeners.ts';
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
