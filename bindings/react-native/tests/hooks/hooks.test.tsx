import { act, renderHook, waitFor } from '@testing-library/react-native';
import type { ReactNode } from 'react';
import { StrictMode } from 'react';
import type { Vault } from 'react-native-amana';
import {
  AmanaProvider,
  openVault,
  useQuery,
  useRecord,
  useSecureValue,
  useSync,
  useVault,
  useVaultState,
} from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
});

const modes = {
  plain: ({ children }: { children?: ReactNode }) => (
    <AmanaProvider vault={vault}>{children}</AmanaProvider>
  ),
  StrictMode: ({ children }: { children?: ReactNode }) => (
    <StrictMode>
      <AmanaProvider vault={vault}>{children}</AmanaProvider>
    </StrictMode>
  ),
};

/** Lets everything that is under way arrive. */
const settle = () => act(async () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))));

describe.each(Object.entries(modes))('hooks in %s', (mode, wrapper) => {
  /** StrictMode renders twice each time. */
  const perRender = mode === 'StrictMode' ? 2 : 1;

  test('useVaultState follows lock and unlock', async () => {
    const { result } = await renderHook(() => useVaultState(), { wrapper });
    expect(result.current).toBe('unlocked');
    await act(() => vault.lock());
    await waitFor(() => expect(result.current).toBe('locked'));
    await act(() => vault.unlock());
    await waitFor(() => expect(result.current).toBe('unlocked'));
  });

  test('useQuery is live, renders once per transaction, and not where nothing changed', async () => {
    let renders = 0;
    const { result } = await renderHook(
      () => {
        renders++;
        return useQuery('patients', (q) => q.where('camp', 'eq', 'North').orderBy('given_name'));
      },
      { wrapper }
    );
    await waitFor(() => expect(result.current.status).toBe('ready'));
    expect(result.current.rows).toEqual([]);

    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'B', camp: 'North' }));
    await settle();
    expect(result.current.rows.map((row) => row.given_name)).toEqual(['B']);
    expect(renders).toBe(perRender);

    const before = result.current.rows[0];
    await act(() => vault.table('patients').create({ given_name: 'A', camp: 'North' }));
    await settle();
    expect(result.current.rows.map((row) => row.given_name)).toEqual(['A', 'B']);
    expect(result.current.rows[1]).toBe(before);

    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'C', camp: 'South' }));
    await act(() => vault.table('visits').create(visit()).catch(() => undefined));
    await settle();
    expect(renders).toBe(0);

    await act(() => vault.lock());
    await waitFor(() => expect(result.current).toMatchObject({ status: 'locked', rows: [] }));
    await act(() => vault.unlock());
    await waitFor(() => expect(result.current.rows).toHaveLength(2));
  });

  test('useQuery shows another query, and what is wrong with one', async () => {
    await vault.table('patients').create({ given_name: 'A' });
    const { result, rerender } = await renderHook(
      ({ name }: { name: string }) =>
        useQuery('patients', (q) => q.where('given_name', 'startsWith', name)),
      { wrapper, initialProps: { name: 'A' } }
    );
    await waitFor(() => expect(result.current.rows).toHaveLength(1));
    await rerender({ name: 'B' });
    await waitFor(() => expect(result.current).toMatchObject({ status: 'ready', rows: [] }));
    await rerender({ name: 'x'.repeat(17_000) });
    await waitFor(() => expect(result.current.error?.code).toBe('invalid_input'));
  });

  test('useRecord follows one record', async () => {
    const id = await vault.table('patients').create({ given_name: 'A' });
    let renders = 0;
    const { result } = await renderHook(
      () => {
        renders++;
        return useRecord('patients', id);
      },
      { wrapper }
    );
    await waitFor(() => expect(result.current.record?.given_name).toBe('A'));
    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'other' }));
    await settle();
    expect(renders).toBe(0);
    await act(() => vault.table('patients').update(id, { given_name: 'B' }));
    await waitFor(() => expect(result.current.record?.given_name).toBe('B'));
    await act(() => vault.table('patients').delete(id));
    await waitFor(() => expect(result.current).toMatchObject({ record: null, status: 'ready' }));
  });

  test('useSecureValue has its value at the first render', async () => {
    await vault.storage.setItem('language', 'ar');
    const seen: (string | null)[] = [];
    const { result } = await renderHook(
      () => {
        const [value, set] = useSecureValue('language');
        seen.push(value);
        return { value, set };
      },
      { wrapper }
    );
    expect(seen[0]).toBe('ar');
    const { length } = seen;
    await act(() => vault.storage.setItem('other', 'x'));
    await settle();
    expect(seen).toHaveLength(length);
    await act(() => result.current.set('en'));
    await waitFor(() => expect(result.current.value).toBe('en'));
    await act(() => result.current.set(null));
    await waitFor(() => expect(result.current.value).toBeNull());
    await act(() => vault.lock());
    await waitFor(() => expect(result.current.value).toBeNull());
  });

  test('useSync shows pending, progress and the end', async () => {
    await vault.signIn({ url: 'https://clinic.example', email: 'a', password: 'b' });
    const { result } = await renderHook(() => useSync(), { wrapper });
    await waitFor(() => expect(result.current.status?.pending).toBe(0));
    await act(() => vault.table('patients').create({ given_name: 'A' }));
    await waitFor(() => expect(result.current.status?.pending).toBe(1));

    const release = amanaMock.holdSync();
    let done: Promise<unknown> = Promise.resolve();
    await act(async () => {
      done = result.current.sync();
    });
    await waitFor(() => expect(result.current.progress?.phase).toBe('pulling'));
    expect(result.current.running).toBe(true);
    release();
    await act(() => done);
    await waitFor(() => expect(result.current.status?.pending).toBe(0));
    expect(result.current).toMatchObject({ running: false, progress: null, error: null });
    expect(result.current.report?.pushed).toBe(1);
  });

  test('useSync shows a failure, and takes a cancel as none', async () => {
    await vault.signIn({ url: 'https://clinic.example', email: 'a', password: 'b' });
    const { result } = await renderHook(() => useSync(), { wrapper });
    amanaMock.failNext('sync', 'rate_limited', { retryAfterMs: 5000 });
    await act(() => result.current.sync());
    expect(result.current.error).toMatchObject({ code: 'rate_limited', retryAfterMs: 5000 });

    const release = amanaMock.holdSync();
    const controller = new AbortController();
    let done: Promise<unknown> = Promise.resolve();
    await act(async () => {
      done = result.current.sync({ signal: controller.signal });
    });
    await waitFor(() => expect(result.current.running).toBe(true));
    controller.abort();
    await act(() => done);
    expect(result.current).toMatchObject({ running: false, error: null, report: null });
    release();
  });
});

test('a provider opens a vault by itself, and lets the person try again', async () => {
  await vault.close();
  amanaMock.failNext('openForDevice', 'key_temporarily_unavailable');
  let retry = () => undefined as void;
  const seen: string[] = [];
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <StrictMode>
      <AmanaProvider
        config={{}}
        failed={(error, again) => {
          seen.push(error.code);
          retry = again;
          return null;
        }}
      >
        {children}
      </AmanaProvider>
    </StrictMode>
  );
  const { result } = await renderHook(() => useVault(), { wrapper });
  await waitFor(() => expect(seen.length > 0 || result.current !== null).toBe(true));
  if (seen.length > 0) {
    expect(seen[0]).toBe('key_temporarily_unavailable');
    await act(async () => retry());
  }
  await waitFor(() => expect(result.current?.state).toBe('unlocked'));
});

function visit() {
  return { check_in_timestamp: 1_700_000_000_000 } as never;
}
