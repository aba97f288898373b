import type { AsyncStorageStatic } from '@react-native-async-storage/async-storage';
import { renderHook } from '@testing-library/react-native';
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

test('the hook of AsyncStorage', async () => {
  const { result } = await renderHook(() => useAsyncStorage('k'));
  await result.current.setItem('{"a":1}');
  await result.current.mergeItem('{"b":2}');
  expect(await result.current.getItem()).toBe('{"a":1,"b":2}');
  await result.current.removeItem();
  expect(await result.current.getItem()).toBeNull();
});
