/** For jotai: `atomWithStorage('language', 'ar', jotaiStorage(vault.storage))`. */
import AsyncStorage from '../async-storage.ts';
import type { SecureStorage } from '../storage.ts';

/** What jotai's `atomWithStorage` takes as asynchronous storage. */
export interface JotaiStorage<Value> {
  getItem(key: string, initialValue: Value): Promise<Value>;
  setItem(key: string, newValue: Value): Promise<void>;
  removeItem(key: string): Promise<void>;
  subscribe(key: string, callback: (value: Value) => void, initialValue: Value): () => void;
}

/** Keeps atoms in the encrypted settings as JSON; an atom follows what others write. */
export function jotaiStorage<Value>(storage: SecureStorage = AsyncStorage): JotaiStorage<Value> {
  const read = async (key: string, initialValue: Value): Promise<Value> => {
    const text = await storage.getItem(key);
    return text === null ? initialValue : (JSON.parse(text) as Value);
  };
  return {
    getItem: read,
    setItem: (key, newValue) => storage.setItem(key, JSON.stringify(newValue)),
    removeItem: (key) => storage.removeItem(key),
    subscribe: (key, callback, initialValue) => {
      let ended = false;
      const stop = storage.subscribe(({ keys }) => {
        if (keys !== null && !keys.includes(key)) return;
        read(key, initialValue).then(
          (value) => {
            if (!ended) callback(value);
          },
          // locked meanwhile: the atom keeps what it shows
          () => undefined
        );
      });
      return () => {
        ended = true;
        stop();
      };
    },
  };
}
