/**
 * AsyncStorage's default export, over an encrypted vault of its own (`settings`, policy `device`) that
 * opens itself at the first call. `import AsyncStorage from 'react-native-amana/async-storage'` is the
 * only change in an app.
 */
import { useMemo } from 'react';

import type { AsyncStorageHook } from './async-storage-types.ts';
import { AmanaError } from './errors.ts';
import { SecureStorage } from './storage.ts';
import type { Vault } from './vault.ts';
import { attachVault, openVault } from './vault.ts';

export type * from './async-storage-types.ts';

const SETTINGS = { name: 'settings', idleLockMs: 0 } as const;

let vault: Vault<unknown> | null = null;

async function open(): Promise<number> {
  if (vault === null || vault.state === 'closed') {
    vault = await openVault<unknown>(SETTINGS);
  }
  if (vault.state === 'locked') await vault.unlock();
  return vault.handle;
}

function now(): number {
  if (vault === null || vault.state === 'closed') {
    throw new AmanaError('locked', 'the settings are not open yet: await any call of them once');
  }
  return vault.handle;
}

/** Encrypted settings with AsyncStorage's interface. */
const AsyncStorage = new SecureStorage({ now, open }, 'stored:app');
export default AsyncStorage;

/**
 * The vault that the settings are in, as it is. Where a call of the settings was refused for good
 * (`key_lost`, `keyring_damaged` and such), it says why, and has what can be done about it. The next call
 * opens what is there then.
 */
export function settingsVault(): Promise<Vault<unknown>> {
  return attachVault<unknown>(SETTINGS);
}

/** AsyncStorage's hook for one key. */
export function useAsyncStorage(key: string): AsyncStorageHook {
  return useMemo(
    () => ({
      getItem: (callback) => AsyncStorage.getItem(key, callback),
      setItem: (value, callback) => AsyncStorage.setItem(key, value, callback),
      mergeItem: (value, callback) => AsyncStorage.mergeItem(key, value, callback),
      removeItem: (callback) => AsyncStorage.removeItem(key, callback),
    }),
    [key]
  );
}
