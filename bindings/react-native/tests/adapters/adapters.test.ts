import { QueryClient } from '@tanstack/react-query';
import { persistQueryClientRestore, persistQueryClientSave } from '@tanstack/react-query-persist-client';
import { createStore as createJotaiStore } from 'jotai';
import { atomWithStorage } from 'jotai/utils';
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import DefaultStorage from 'react-native-amana/async-storage';
import { amanaMock } from 'react-native-amana/jest';
import { jotaiStorage } from 'react-native-amana/jotai';
import { reduxPersistStorage } from 'react-native-amana/redux-persist';
import { tanstackPersister } from 'react-native-amana/tanstack-query';
import { zustandStorage } from 'react-native-amana/zustand';
import { legacy_createStore as createReduxStore } from 'redux';
import { persistReducer, persistStore } from 'redux-persist';
import { createJSONStorage, persist } from 'zustand/middleware';
import { createStore } from 'zustand/vanilla';

import { until } from '../contract/harness.ts';

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
});

interface Counter {
  count: number;
  add: () => void;
}

describe('zustand', () => {
  const make = (sync: boolean) =>
    createStore<Counter>()(
      persist((set) => ({ count: 0, add: () => set((s) => ({ count: s.count + 1 })) }), {
        name: 'counter',
        storage: createJSONStorage(() => zustandStorage(vault.storage, { sync })),
      })
    );

  test('a store comes back', async () => {
    const store = make(false);
    await until(() => store.persist.hasHydrated());
    store.getState().add();
    store.getState().add();
    await until(() => vault.storage.getItemSync('counter')?.includes('"count":2') ?? false);
    const again = make(false);
    await until(() => again.persist.hasHydrated());
    expect(again.getState().count).toBe(2);
    again.persist.clearStorage();
    await until(() => vault.storage.getItemSync('counter') === null);
  });

  test('synchronously, a store is full before its first use', async () => {
    await vault.storage.setItem('counter', '{"state":{"count":7},"version":0}');
    expect(make(true).getState().count).toBe(7);
  });
});

test('redux-persist', async () => {
  const reducer = (state: { n: number } | undefined, action: { type: string }) =>
    action.type === 'add' ? { n: (state?.n ?? 0) + 1 } : (state ?? { n: 0 });
  const make = () => {
    // no limit on the time of reading: its timer would outlive the test
    const config = { key: 'root', timeout: 0, storage: reduxPersistStorage(vault.storage) };
    const store = createReduxStore(persistReducer(config, reducer));
    return { store, persistor: persistStore(store) };
  };
  const first = make();
  await until(() => first.persistor.getState().bootstrapped);
  first.store.dispatch({ type: 'add' });
  await first.persistor.flush();
  expect(vault.storage.getItemSync('persist:root')).toContain('"n":"1"');
  const second = make();
  await until(() => second.persistor.getState().bootstrapped);
  expect(second.store.getState().n).toBe(1);
  await second.persistor.purge();
  expect(await vault.storage.getItem('persist:root')).toBeNull();
});

test('TanStack Query', async () => {
  const queryClient = new QueryClient();
  const persister = tanstackPersister(vault.storage, { expiresInMs: 1000 });
  queryClient.setQueryData(['clinics'], [{ id: 'one' }]);
  await persistQueryClientSave({ queryClient, persister });
  const other = new QueryClient();
  await persistQueryClientRestore({ queryClient: other, persister });
  expect(other.getQueryData(['clinics'])).toEqual([{ id: 'one' }]);
  amanaMock.advance(1000);
  expect(await persister.restoreClient()).toBeUndefined();
  await persister.persistClient({ timestamp: 1 });
  await persister.removeClient();
  expect(await persister.restoreClient()).toBeUndefined();
  queryClient.clear();
  other.clear();
});

test('TanStack Query: of states that come quickly, the last one is kept', async () => {
  const persister = tanstackPersister<{ n: number }>(vault.storage);
  await Promise.all([1, 2, 3, 4].map((n) => persister.persistClient({ n })));
  expect(await persister.restoreClient()).toEqual({ n: 4 });
});

test('jotai', async () => {
  const language = atomWithStorage('language', 'en', jotaiStorage<string>(vault.storage));
  const store = createJotaiStore();
  const seen: unknown[] = [];
  const stop = store.sub(language, () => seen.push(store.get(language)));
  await vault.storage.setItem('language', '"ar"');
  await until(() => store.get(language) === 'ar');
  await store.set(language, 'fr');
  expect(await vault.storage.getItem('language')).toBe('"fr"');
  stop();
});

test('without a vault, adapters use the settings vault', async () => {
  await zustandStorage().setItem('k', 'v');
  expect(await DefaultStorage.getItem('k')).toBe('v');
  expect(DefaultStorage.getItemSync('k')).toBe('v');
});
