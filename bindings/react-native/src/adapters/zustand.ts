/**
 * For zustand's `persist`:
 * `persist(…, { name: 'settings', storage: createJSONStorage(() => zustandStorage(vault.storage)) })`.
 */
import AsyncStorage from '../async-storage.ts';
import type { SecureStorage } from '../storage.ts';

/** What zustand calls a `StateStorage`. */
export interface ZustandStorage {
  getItem(name: string): string | null | Promise<string | null>;
  setItem(name: string, value: string): Promise<void>;
  removeItem(name: string): Promise<void>;
}

/**
 * Keeps a store's state in the encrypted settings. With `sync: true` a store is filled before its first
 * use; the vault must be unlocked by then.
 */
export function zustandStorage(
  storage: SecureStorage = AsyncStorage,
  options: { readonly sync?: boolean } = {}
): ZustandStorage {
  return {
    getItem: (name) => (options.sync === true ? storage.getItemSync(name) : storage.getItem(name)),
    setItem: (name, value) => storage.setItem(name, value),
    removeItem: (name) => storage.removeItem(name),
  };
}
