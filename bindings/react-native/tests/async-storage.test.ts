import type { AsyncStorageStatic } from '@react-native-async-storage/async-storage';
import type * as Real from '@react-native-async-storage/async-storage/lib/typescript/types';
import { renderHook } from '@testing-library/react-native';
import { openVault } from 'react-native-amana';
import type * as Ours from 'react-native-amana/async-storage';
import AsyncStorage, { settingsVault, useAsyncStorage } from 'react-native-amana/async-storage';
import { amanaMock } from 'react-native-amana/jest';

import { codeOf } from './contract/harness.ts';

beforeEach(() => amanaMock.reset());

test('the default export is an AsyncStorage, for the compiler too', async () => {
  const drop: AsyncStorageStatic = AsyncStorage;
  await drop.setItem('k', 'v');
  await drop.mergeItem('m', '{"a":1}');
  expect(await drop.getAllKeys()).toEqual(['k', 'm']);
  expect(await drop.multiGet(['k', 'm'])).toEqual([
    ['k', 'v'],
    ['m', '{"a":1}'],
  ]);
  await drop.clear();
  expect(await drop.getItem('k')).toBeNull();
});

/** Never called: compiled only. Each type goes where the other one is expected. */
export function compiled(real: RealTypes, ours: OurTypes): readonly [RealTypes, OurTypes] {
  const hook: (key: string) => Ours.AsyncStorageHook = useAsyncStorage;
  const storage: Ours.AsyncStorageStatic = AsyncStorage;
  return [{ ...ours, hook: hook('k'), storage }, real];
}
interface RealTypes {
  storage: Real.AsyncStorageStatic;
  hook: Real.AsyncStorageHook;
  pair: Real.KeyValuePair;
  error: Real.ErrorLike;
  callback: Real.Callback;
  withResult: Real.CallbackWithResult<string>;
  multi: Real.MultiCallback;
  multiGet: Real.MultiGetCallback;
}
interface OurTypes {
  storage: Ours.AsyncStorageStatic;
  hook: Ours.AsyncStorageHook;
  pair: Ours.KeyValuePair;
  error: Ours.ErrorLike;
  callback: Ours.Callback;
  withResult: Ours.CallbackWithResult<string>;
  multi: Ours.MultiCallback;
  multiGet: Ours.MultiGetCallback;
}

test('its methods work away from it: taken out, spread, handed on', async () => {
  const { setItem, getItem, multiGet, mergeItem, removeItem, clear, getAllKeys } = AsyncStorage;
  await setItem('k', 'v');
  expect(await getItem('k')).toBe('v');
  await mergeItem('m', '{"a":1}');
  expect(await multiGet(['k', 'm'])).toEqual([
    ['k', 'v'],
    ['m', '{"a":1}'],
  ]);
  await removeItem('m');
  expect(await getAllKeys()).toEqual(['k']);
  await clear();

  const wrapped = { ...AsyncStorage, name: 'an app’s own' };
  await wrapped.multiSet([['k', 'w']]);
  await wrapped.multiMerge([['m', '{"a":1}']]);
  expect(wrapped.getItemSync('k')).toBe('w');
  await wrapped.multiRemove(['m']);
  wrapped.flushGetRequests();
  expect(await Promise.all(['k', 'm'].map(wrapped.get))).toEqual(['w', null]);

  const { namespace } = (await settingsVault()).storage;
  await namespace('drafts').setItem('k', 'd');
  expect(await wrapped.namespace('drafts').getItem('k')).toBe('d');
});

test('any number of keys is read at once, however many a call of the core takes', async () => {
  await AsyncStorage.multiSet([
    ['k0', 'first'],
    ['k25000', 'last'],
  ]);
  const keys = Array.from({ length: 25_001 }, (_, i) => `k${i}`);
  const pairs = await AsyncStorage.multiGet(keys);
  expect(pairs.map(([key]) => key)).toEqual(keys);
  expect(pairs.filter(([, value]) => value !== null)).toEqual([
    ['k0', 'first'],
    ['k25000', 'last'],
  ]);
  expect(await AsyncStorage.multiGet([])).toEqual([]);
  // all or none is one transaction, and that has a limit
  expect(await codeOf(AsyncStorage.multiRemove(keys))).toBe('invalid_input');
  expect(await codeOf(AsyncStorage.multiSet(keys.map((key) => [key, 'v'])))).toBe('invalid_input');
  expect(await AsyncStorage.getItem('k0')).toBe('first');
});

test('a merge takes an expiry as a set does, and without one the value stays', async () => {
  const storage = AsyncStorage;
  await storage.setItem('token', '{"a":1}', { expiresInMs: 1000 });
  await storage.mergeItem('token', '{"b":2}', { expiresInMs: 1000 });
  expect(await storage.getItem('token')).toBe('{"a":1,"b":2}');
  amanaMock.advance(1000);
  expect(await storage.getItem('token')).toBeNull();

  await storage.setItem('token', '{"a":1}', { expiresInMs: 1000 });
  await storage.mergeItem('token', '{"b":2}');
  amanaMock.advance(1000);
  expect(await storage.getItem('token')).toBe('{"a":1,"b":2}');
  expect(await codeOf(storage.mergeItem('token', '{}', { expiresInMs: 0 }))).toBe('invalid_input');
});

test('it opens itself at the first call, and is not there before', async () => {
  expect(await codeOf(() => AsyncStorage.getItemSync('k'))).toBe('locked');
  await AsyncStorage.setItem('k', 'v');
  expect(AsyncStorage.getItemSync('k')).toBe('v');
});

test('an opening that failed is tried again by the next call', async () => {
  amanaMock.failNext('openForDevice', 'key_temporarily_unavailable');
  await expect(AsyncStorage.getItem('k')).rejects.toMatchObject({ retryable: true });
  expect(await AsyncStorage.getItem('k')).toBeNull();
});

test('settings whose key is lost can be put aside, and begin anew', async () => {
  await AsyncStorage.setItem('k', 'v');
  const vault = await settingsVault();
  await vault.lock();
  amanaMock.failNext('openForDevice', 'key_lost');
  await expect(AsyncStorage.getItem('k')).rejects.toMatchObject({ code: 'key_lost' });
  expect(await settingsVault()).toBe(vault);
  const { unsynced } = await vault.glance();
  await vault.quarantine({ unsynced });
  expect(await AsyncStorage.getItem('k')).toBeNull();
  await AsyncStorage.setItem('k', 'w');
  expect(await AsyncStorage.getItem('k')).toBe('w');
});

test('their vault is no place for another one of its name', async () => {
  await AsyncStorage.setItem('k', 'v');
  expect(await codeOf(openVault({ name: 'settings' }))).toBe('invalid_input');
  const same = await openVault({ name: 'settings', idleLockMs: 0 });
  expect(await same.storage.getItem('k')).toBe('v');
});

test('the hook of AsyncStorage', async () => {
  const { result } = await renderHook(() => useAsyncStorage('k'));
  await result.current.setItem('{"a":1}');
  await result.current.mergeItem('{"b":2}');
  expect(await result.current.getItem()).toBe('{"a":1,"b":2}');
  await result.current.removeItem();
  expect(await result.current.getItem()).toBeNull();
});
