import { act, renderHook, waitFor } from '@testing-library/react-native';
import type { ReactNode } from 'react';
import { StrictMode } from 'react';
import type { AmanaError, Vault } from 'react-native-amana';
import {
  AmanaProvider,
  openVault,
  useQuery,
  useRecord,
  useSecureValue,
  useSync,
  useVaultState,
} from 'react-native-amana';

import { aName, theCloud, theModule } from './app.ts';

theModule();
const cloud = theCloud();

let vault: Vault;
beforeEach(async () => {
  vault = await openVault({ name: aName() });
});
afterEach(() => vault.close());

const wrapper = ({ children }: { children?: ReactNode }) => (
  <StrictMode>
    <AmanaProvider vault={vault}>{children}</AmanaProvider>
  </StrictMode>
);

test('useVaultState follows lock and unlock', async () => {
  const { result } = await renderHook(() => useVaultState(), { wrapper });
  expect(result.current).toBe('unlocked');
  await act(() => vault.lock());
  await waitFor(() => expect(result.current).toBe('locked'));
  await act(() => vault.unlock());
  await waitFor(() => expect(result.current).toBe('unlocked'));
});

test('useQuery is live, keeps rows that did not change, and does not render for others', async () => {
  let renders = 0;
  const { result } = await renderHook(
    () => {
      renders++;
      return useQuery('patients', (q) => q.where('camp', 'eq', 'North').orderBy('given_name'));
    },
    { wrapper }
  );
  await waitFor(() => expect(result.current.status).toBe('ready'));
  await act(() => vault.table('patients').create({ given_name: 'B', camp: 'North' }));
  await waitFor(() => expect(result.current.rows.map((row) => row.given_name)).toEqual(['B']));
  const before = result.current.rows[0];

  renders = 0;
  // nothing for this list; the change after it shows that it was heard, since events keep their order
  await act(() => vault.table('patients').create({ given_name: 'C', camp: 'South' }));
  await act(() => vault.table('patients').create({ given_name: 'A', camp: 'North' }));
  await waitFor(() => expect(result.current.rows.map((row) => row.given_name)).toEqual(['A', 'B']));
  expect(result.current.rows[1]).toBe(before);
  // once, which StrictMode does twice
  expect(renders).toBe(2);

  await act(() => vault.lock());
  await waitFor(() => expect(result.current).toMatchObject({ status: 'locked', rows: [] }));
  await act(() => vault.unlock());
  await waitFor(() => expect(result.current.rows).toHaveLength(2));
});

test('useRecord follows one record', async () => {
  const id = await vault.table('patients').create({ given_name: 'A' });
  const { result } = await renderHook(() => useRecord('patients', id), { wrapper });
  await waitFor(() => expect(result.current.record?.given_name).toBe('A'));
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
  await act(() => result.current.set('en'));
  await waitFor(() => expect(result.current.value).toBe('en'));
  await act(() => result.current.set(null));
  await waitFor(() => expect(result.current.value).toBeNull());
});

test('an observer without hooks hears of the lock, and of what cannot be read', async () => {
  const id = await vault.table('patients').create({ given_name: 'A' });
  const seen: unknown[] = [];
  const told = (name: string) => ({
    onLocked: () => seen.push(`${name} locked`),
    onError: (error: AmanaError) => seen.push(`${name} ${error.code}`),
  });
  const patients = vault.table('patients');
  const stops = [
    patients.query().observe((rows) => seen.push(rows.length), told('query')),
    patients.observe(id, (row) => seen.push(row?.given_name), told('record')),
    patients.query((q) => q.where('nothing' as 'camp', 'eq', 'x')).observe(() => seen.push('?'), {
      onError: told('column').onError,
    }),
  ];
  const heard = async (...what: unknown[]) => {
    await waitFor(() => expect(new Set(seen)).toEqual(new Set(what)));
    seen.length = 0;
  };
  await heard(1, 'A', 'column invalid_input');
  await vault.lock();
  await heard('query locked', 'record locked');
  await vault.unlock();
  await heard(1, 'A', 'column invalid_input');
  stops.forEach((stop) => stop());
});

test('useSync shows what waits, how a sync goes and why it failed', async () => {
  const { result } = await renderHook(() => useSync(), { wrapper });
  await act(() => result.current.sync());
  expect(result.current.error?.code).toBe('not_signed_in');
  await vault.signIn(cloud.noor);
  await act(() =>
    vault
      .table('patients')
      .create({ given_name: 'A', surname: 'B', date_of_birth: '1980-02-03' })
  );
  await waitFor(() => expect(result.current.status?.pending).toBe(1));
  await act(() => result.current.sync());
  expect(result.current).toMatchObject({ running: false, progress: null, error: null });
  expect(result.current.report?.pushed).toBe(1);
  await waitFor(() => expect(result.current.status?.pending).toBe(0));
});
