/** Settings whose key the phone has lost: what the guide does about it, on a real key store and disk. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import AsyncStorage, { settingsVault } from '../src/async-storage.ts';
import { codeOf } from '../tests/contract/harness.ts';
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
