/**
 * Values that are read at once. What React says of a store whose looks differ fails the test: see
 * tests/setup.ts.
 */
import { act, renderHook } from '@testing-library/react-native';
import type { ReactNode } from 'react';
import { startTransition, StrictMode, Suspense, use, useState, useSyncExternalStore } from 'react';
import type { Vault } from 'react-native-amana';
import { AmanaProvider, openVault, useSecureValue, useVaultState } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { Cell } from '../../src/cell.ts';
import { native, setNative } from '../../src/native.ts';

/** A store that has another value each time somebody reads it. */
function restless() {
  let reads = 0;
  const changed = new Set<() => void>();
  const cell = new Cell<number>({
    read: () => ++reads,
    watch: (listener) => {
      changed.add(listener);
      return () => changed.delete(listener);
    },
  });
  return { cell, reads: () => reads, change: () => changed.forEach((tell) => tell()), changed };
}

test('looks between two changes see the same', () => {
  const store = restless();
  expect([store.cell.get(), store.cell.get(), store.reads()]).toEqual([1, 1, 1]);
  const heard = jest.fn();
  const stop = store.cell.subscribe(heard);
  // what may have changed before anybody listened
  expect(heard).toHaveBeenCalledTimes(1);
  expect([store.cell.get(), store.cell.get()]).toEqual([2, 2]);
  store.change();
  expect([heard.mock.calls.length, store.cell.get()]).toEqual([2, 3]);
  stop();
  expect(store.changed.size).toBe(0);
  store.cell.refresh();
  // nobody tells of changes any more, so the next look reads
  expect(store.cell.get()).toBe(4);
});

test('the same value is told to nobody, a failure to who looks', () => {
  let value: number | Error = 1;
  let changed = () => undefined as void;
  const cell = new Cell<number>({
    read: () => {
      if (value instanceof Error) throw value;
      return value;
    },
    watch: (listener) => {
      changed = listener;
      return () => undefined;
    },
  });
  const heard = jest.fn();
  expect(cell.get()).toBe(1);
  cell.subscribe(heard);
  changed();
  expect(heard).not.toHaveBeenCalled();
  value = new Error('odd');
  changed();
  expect(heard).toHaveBeenCalledTimes(1);
  expect(() => cell.get()).toThrow('odd');
  value = 2;
  changed();
  expect(cell.get()).toBe(2);
});

test('React finds nothing wrong with it, in StrictMode and in a transition', async () => {
  const store = restless();
  const seen: number[] = [];
  let release = () => undefined as void;
  const slow = new Promise<void>((resolve) => (release = () => resolve()));
  let turn: (page: number) => void = () => undefined;
  function usePage() {
    const [page, setPage] = useState(1);
    turn = setPage;
    const value = useSyncExternalStore(store.cell.subscribe, store.cell.get, store.cell.get);
    if (page === 2) use(slow);
    seen.push(value);
    return { page, value };
  }
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <StrictMode>
      <Suspense fallback={null}>{children}</Suspense>
    </StrictMode>
  );
  const { result } = await renderHook(usePage, { wrapper });
  await act(async () => startTransition(() => turn(2)));
  expect(result.current.page).toBe(1);
  // the store changes while the next page is being made
  await act(async () => store.change());
  await act(async () => release());
  expect(result.current).toEqual({ page: 2, value: store.cell.get() });
  const { length } = seen;
  await act(async () => undefined);
  expect(seen).toHaveLength(length);
});

describe('hooks over a module whose answers change between two looks', () => {
  let vault: Vault;
  beforeEach(async () => {
    amanaMock.reset();
    vault = await openVault();
  });
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <StrictMode>
      <AmanaProvider vault={vault}>{children}</AmanaProvider>
    </StrictMode>
  );

  test('useSecureValue and useVaultState ask once', async () => {
    const module = native();
    let count = 0;
    setNative(
      new Proxy(module, {
        get: (target, name) => {
          if (name === 'kvGetSync') return () => `t${++count}`;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      })
    );
    try {
      const { result, rerender } = await renderHook(
        () => [useSecureValue('language')[0], useVaultState()] as const,
        { wrapper }
      );
      expect(result.current[1]).toBe('unlocked');
      const before = count;
      await rerender(undefined);
      await rerender(undefined);
      expect([count, result.current[0]]).toEqual([before, String(before)]);
    } finally {
      setNative(module);
    }
  });

  test('what was set is seen by who awaited it', async () => {
    const { result } = await renderHook(() => useSecureValue('language'), { wrapper });
    await act(() => result.current[1]('ar'));
    expect(result.current[0]).toBe('ar');
    await act(() => result.current[1]('en', { expiresInMs: 1000 }));
    expect(result.current[0]).toBe('en');
    await act(() => result.current[1](null));
    expect(result.current[0]).toBeNull();
  });
});
