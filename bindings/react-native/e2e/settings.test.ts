/**
 * Settings on a real key store and disk: what the guide does where the phone has lost their key, more keys
 * than a call takes, and atoms that are set faster than they are written.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createStore } from 'jotai';
import { atomWithStorage } from 'jotai/utils';

import { jotaiStorage } from '../src/adapters/jotai.ts';
import AsyncStorage, { settingsVault } from '../src/async-storage.ts';
import { codeOf, until } from '../tests/contract/harness.ts';
import { extract, whichExports } from '../tests/snippets.ts';
import { theModule } from './app.ts';
import { Phone } from './phone.ts';

const app = theModule();
const phone = new Phone(app.home);

const folder = path.join(__dirname, '.snippets');
let beginAnew: (hasRestarted: boolean) => Promise<void>;
beforeAll(() => {
  const snippets = extract();
  const code = snippets.get(whichExports(snippets, 'async-storage', 'beginAnew')) ?? '';
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'begin-anew.ts');
  writeFileSync(file, code);
  ({ beginAnew } = jest.requireActual<{ beginAnew: typeof beginAnew }>(file));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('they are put aside, whole, where the key is lost, and left alone elsewhere', async () => {
  await AsyncStorage.setItem('language', 'ar');
  await beginAnew(true);
  expect(await AsyncStorage.getItem('language')).toBe('ar');

  const vault = await settingsVault();
  await vault.lock();
  phone.keyStoreAnswers = false;
  expect(await codeOf(AsyncStorage.getItem('language'))).toBe('key_temporarily_unavailable');
  await beginAnew(true);
  phone.keyStoreAnswers = true;
  expect(await AsyncStorage.getItem('language')).toBe('ar');

  await vault.lock();
  phone.lose(phone.secrets());
  for (let time = 0; time < 2; time++) {
    expect(await codeOf(AsyncStorage.getItem('language'))).toBe('key_lost');
  }
  await beginAnew(false);
  expect(await vault.quarantined()).toEqual([]);
  await beginAnew(true);
  expect(await AsyncStorage.getItem('language')).toBeNull();
  await AsyncStorage.setItem('language', 'fr');
  expect(await AsyncStorage.getItem('language')).toBe('fr');
  expect(await (await settingsVault()).quarantined()).toHaveLength(1);
});

test('more keys are read than a call takes', async () => {
  const keys = Array.from({ length: 20_001 }, (_, i) => `k${i}`);
  await AsyncStorage.multiSet([
    ['k0', 'first'],
    ['k20000', 'last'],
  ]);
  const { multiGet } = AsyncStorage;
  const found = (await multiGet(keys)).filter(([, value]) => value !== null);
  expect(found).toEqual([
    ['k0', 'first'],
    ['k20000', 'last'],
  ]);
});

test('an atom that is set quickly is shown once each time, and follows others after', async () => {
  const atom = atomWithStorage('typed', { text: '' }, jotaiStorage<{ text: string }>());
  const store = createStore();
  const seen: unknown[] = [];
  const stop = store.sub(atom, () => seen.push(store.get(atom)));
  await store.get(atom);
  seen.length = 0;
  const typed = ['a', 'ab', 'abc', 'abcd'].map((text) => ({ text }));
  await Promise.all(typed.map((value) => store.set(atom, value)));
  await AsyncStorage.setItem('typed', '{"text":"theirs"}');
  const theirs = { text: 'theirs' };
  await until(() => JSON.stringify(seen.at(-1)) === JSON.stringify(theirs));
  expect(seen).toEqual([...typed, theirs]);
  stop();
});
