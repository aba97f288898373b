/** For redux-persist: `persistReducer({ key: 'root', storage: reduxPersistStorage(vault.storage) }, …)`. */
import AsyncStorage from '../async-storage.ts';
import type { SecureStorage } from '../storage.ts';

/** What redux-persist calls a `Storage`. */
export interface ReduxPersistStorage {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
  removeItem(key: string): Promise<void>;
}

/** Keeps a store's state in the encrypted settings. */
export function reduxPersistStorage(storage: SecureStorage = AsyncStorage): ReduxPersistStorage {
  return {
    getItem: (key) => storage.getItem(key),
    setItem: (key, value) => storage.setItem(key, value),
    removeItem: (key) => storage.removeItem(key),
  };
}
