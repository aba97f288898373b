/** What an observer hears of beside rows: the lock, and what cannot be read. */
import type { AmanaError, ObserveHandlers, Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { PATIENT, until } from './contract/harness.ts';
import { uncaughtErrors } from './uncaught.ts';

const errors = uncaughtErrors();
let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
});
const patients = () => vault.table('patients');

type Observe = (seen: unknown[], handlers?: ObserveHandlers) => () => void;
const names = (seen: unknown[]) => (rows: readonly { given_name: string | null }[]) =>
  seen.push(rows.map((row) => row.given_name));

describe.each<[string, (id: string) => Observe]>([
  ['a query', () => (seen, handlers) => patients().query().observe(names(seen), handlers)],
  ['a record', (id) => (seen, handlers) =>
    patients().observe(id, (row) => names(seen)(row === null ? [] : [row]), handlers)],
])('an observer of %s', (_, by) => {
  let observe: Observe;
  let id: string;
  beforeEach(async () => {
    id = await patients().create(PATIENT);
    observe = by(id);
  });
  const method = () => (_ === 'a query' ? 'queryRecords' : 'findRecord');

  test('hears of the lock, and of the rows again', async () => {
    const seen: unknown[] = [];
    const stop = observe(seen, { onLocked: () => seen.push('locked') });
    await until(() => seen.length === 1);
    await vault.lock();
    await until(() => seen.length === 2);
    await vault.unlock();
    await until(() => seen.length === 3);
    expect(seen).toEqual([['Amal'], 'locked', ['Amal']]);
    await vault.close();
    await until(() => seen.length === 4);
    expect(seen.at(-1)).toBe('locked');
    stop();
  });

  test('hears of a vault that is locked already', async () => {
    await vault.lock();
    const seen: unknown[] = [];
    const stop = observe(seen, { onLocked: () => seen.push('locked') });
    await until(() => seen.length === 1);
    expect(seen).toEqual(['locked']);
    stop();
  });

  test('hears of an error once, and of the rows behind it', async () => {
    const seen: unknown[] = [];
    const stop = observe(seen, { onError: (error) => seen.push(error.code) });
    await until(() => seen.length === 1);
    const reasons = ['storage_busy', 'storage_busy', 'database_damaged'] as const;
    for (const [i, reason] of reasons.entries()) {
      amanaMock.failNext(method(), reason);
      await patients().update(id, { surname: `${i}` });
      await errors.reported();
    }
    await patients().update(id, { given_name: 'Noor' });
    await until(() => seen.length === 4);
    expect(seen).toEqual([['Amal'], 'storage_busy', 'database_damaged', ['Noor']]);
    await errors.reported();
    expect(errors.seen).toEqual([]);
    stop();
  });

  test('who does not ask for errors has them as uncaught ones', async () => {
    amanaMock.failNext(method(), 'storage_busy');
    const seen: unknown[] = [];
    const stop = observe(seen);
    await until(() => errors.seen.length > 0);
    await vault.lock();
    await vault.unlock();
    await until(() => seen.length === 1);
    expect(seen).toEqual([['Amal']]);
    expect(errors.seen).toHaveLength(1);
    stop();
  });

  test('takes functions alone', () => {
    const wrong = [null, 5, { onError: 5 }, { onLocked: {} }];
    const codes = wrong.map((handlers) => {
      try {
        observe([], handlers as never)();
        return 'taken';
      } catch (error) {
        return (error as AmanaError).code;
      }
    });
    expect(codes).toEqual(wrong.map(() => 'invalid_input'));
  });
});

test('a column that is none is told of', async () => {
  const codes: string[] = [];
  const query = patients().query((q) => q.where('nothing' as 'camp', 'eq', 'x'));
  const onError = (error: AmanaError) => codes.push(error.code);
  const stops = [query.observe(() => undefined, { onError }), query.observe(() => undefined)];
  await until(() => codes.length > 0);
  await errors.reported();
  expect(codes).toEqual(['invalid_input']);
  expect(errors.seen).toHaveLength(1);
  stops.forEach((stop) => stop());
});
