/**
 * Prints what calls through the whole bridge cost, and how often a list renders: `name`, tab, value, tab,
 * unit. Asserts what the calls answer, and nothing of the time. scripts/react-native-figures shows it over
 * a library that was built for release; the bridge (a process, two pipes, a worker) costs far more than
 * JSI does on a phone.
 */
import { act, renderHook, waitFor } from '@testing-library/react-native';
import type { ReactNode } from 'react';

import type { Vault } from '../src/index.ts';
import { AmanaProvider, openVault, useQuery } from '../src/index.ts';
import { aName, theModule } from './app.ts';

theModule();
const ROWS = 10_000;

function say(name: string, value: number, unit: string): void {
  process.stdout.write(`${name}\t${value.toPrecision(3)}\t${unit}\n`);
}

let vault: Vault;
let id = '';
beforeAll(async () => {
  vault = await openVault({ name: aName() });
  [id = ''] = await vault.batch((batch) => {
    for (let i = 0; i < ROWS; i++) {
      const fields = { given_name: `Given ${i}`, surname: `Surname ${i}`, camp: 'North', phone: `${i}` };
      batch.create('patients', fields);
    }
  });
});

test('rows of a query, up to parsed objects', async () => {
  for (const limit of [ROWS, 1000]) {
    const results = vault.table('patients').query((q) => q.limit(limit));
    const seconds: number[] = [];
    for (let round = 0; round < 5; round++) {
      const begin = performance.now();
      let read = 0;
      for await (const rows of results.pages()) read += rows.length;
      seconds.push((performance.now() - begin) / 1000);
      expect(read).toBe(ROWS);
    }
    seconds.sort((a, b) => a - b);
    say(`query of ${ROWS} rows, pages of ${limit}`, ROWS / (seconds[2] ?? 1), 'rows a second');
  }
});

test('look-ups', async () => {
  const patients = vault.table('patients');
  await vault.storage.setItem('language', 'ar');
  const calls = 500;
  const cost = async (name: string, call: () => unknown) => {
    for (let i = 0; i < calls / 5; i++) await call();
    const begin = performance.now();
    for (let i = 0; i < calls; i++) await call();
    say(name, ((performance.now() - begin) / calls) * 1000, 'µs');
  };
  await cost('kv read through the bridge', () => vault.storage.getItemSync('language'));
  await cost('kv read through the bridge, promise', () => vault.storage.getItem('language'));
  await cost('find through the bridge', () => patients.findSync(id));
  await cost('find through the bridge, promise', () => patients.find(id));
  expect(patients.findSync(id)).toMatchObject({ given_name: 'Given 0' });
});

test('renders of a list', async () => {
  let renders = 0;
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <AmanaProvider vault={vault}>{children}</AmanaProvider>
  );
  const { result } = await renderHook(
    () => {
      renders++;
      return useQuery('patients', (q) => q.where('camp', 'eq', 'South').orderBy('given_name'));
    },
    { wrapper }
  );
  await waitFor(() => expect(result.current.status).toBe('ready'));
  const patients = vault.table('patients');
  const count = 50;
  const total = (n: number) => waitFor(() => expect(result.current.rows).toHaveLength(n));

  renders = 0;
  for (let i = 0; i < count; i++) {
    await act(() => patients.create({ given_name: `one by one ${i}`, camp: 'South' }));
    await total(i + 1);
  }
  expect(renders).toBe(count);
  say('renders of a list a transaction, one by one', renders / count, '');

  renders = 0;
  await act(async () => {
    const all = Array.from({ length: count }, (_, i) =>
      patients.create({ given_name: `at once ${i}`, camp: 'South' })
    );
    await Promise.all(all);
  });
  await total(2 * count);
  expect(renders).toBeLessThanOrEqual(count);
  say('renders of a list a transaction, many at once', renders / count, '');

  renders = 0;
  await act(() => patients.create({ given_name: 'elsewhere', camp: 'North' }));
  await act(() => patients.create({ given_name: 'here', camp: 'South' }));
  await total(2 * count + 1);
  expect(renders).toBe(1);
  say('renders of a list a transaction that does not concern it', renders - 1, '');
});
