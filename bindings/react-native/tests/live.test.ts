/** Reads that are running when the vault is locked, or when nobody listens any more. */
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { Live } from '../src/live.ts';
import { native, setNative } from '../src/native.ts';
import type { SyncStatus } from '../src/NativeAmana.ts';
import { syncStore } from '../src/sync-store.ts';
import { until } from './contract/harness.ts';

/** Lets all go on that waits for nothing else. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A source whose reads end when the test says so. */
function held() {
  const reads: { readonly end: (text: string) => void; readonly fail: (error: unknown) => void }[] = [];
  let [changed, locked] = [() => undefined as void, () => undefined as void];
  const forget = jest.fn();
  const live = new Live<string>({
    empty: '',
    read: () => new Promise((end, fail) => reads.push({ end, fail })),
    parse: (text) => `(${text})`,
    forget,
    watch: (...told) => {
      [changed, locked] = told;
      return () => undefined;
    },
  });
  return { live, reads, forget, change: () => changed(), lock: () => locked() };
}

test('a lock shows nothing at once, and what was being read comes to nothing', async () => {
  const { live, reads, forget, change, lock } = held();
  const seen: string[] = [];
  live.subscribe(() => seen.push(live.get().status + live.get().value));
  reads[0]?.end('a');
  await settled();
  change();
  lock();
  expect(live.get()).toEqual({ status: 'locked', value: '', error: null });
  expect(forget).toHaveBeenCalledTimes(1);
  reads[1]?.end('of before the lock');
  await settled();
  // unlocked again: the same answer is read as another one
  change();
  reads[2]?.end('a');
  await settled();
  expect(seen).toEqual(['ready(a)', 'locked', 'ready(a)']);
  expect(reads).toHaveLength(3);
});

test('nor does an answer that has come, and is not shown yet', async () => {
  for (let ticks = 0; ticks < 10; ticks++) {
    const { live, reads, lock } = held();
    live.subscribe(() => undefined);
    reads[0]?.end('a');
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    lock();
    await settled();
    expect([ticks, live.get().status]).toEqual([ticks, 'locked']);
  }
});

test('a change that comes while a read finds the vault locked is read', async () => {
  const { live, reads, change } = held();
  live.subscribe(() => undefined);
  change();
  reads[0]?.fail({ code: 'locked', message: 'locked' });
  await settled();
  expect(live.get().status).toBe('locked');
  reads[1]?.end('a');
  await settled();
  expect(live.get()).toMatchObject({ status: 'ready', value: '(a)' });
});

test('nothing is kept, or comes, when the last one has stopped listening', async () => {
  const { live, reads, forget } = held();
  const first = live.get();
  const stop = live.subscribe(() => undefined);
  reads[0]?.end('a');
  await settled();
  expect(live.get().value).toBe('(a)');
  stop();
  expect([live.get(), forget.mock.calls.length]).toEqual([first, 1]);
  live.subscribe(() => undefined)();
  reads[1]?.end('b');
  await settled();
  expect(live.get()).toBe(first);
});

describe('what shows a sync', () => {
  let vault: Vault;
  let answers: (() => void)[] = [];
  beforeEach(async () => {
    amanaMock.reset();
    vault = await openVault();
    await vault.signIn({ url: 'https://clinic.example', email: 'amal', password: 'b' });
    const module = native();
    answers = [];
    const syncStatus = async (handle: number): Promise<SyncStatus> => {
      const status = await module.syncStatus(handle);
      return new Promise((resolve) => answers.push(() => resolve(status)));
    };
    setNative(
      new Proxy(module, {
        get: (target, name) => {
          if (name === 'syncStatus') return syncStatus;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      })
    );
  });
  afterEach(() => amanaMock.reset());

  test.each([
    ['while somebody listens', false],
    ['and nobody listens any more', true],
  ])('takes no answer of before the lock, %s', async (_, isLeft) => {
    const store = syncStore(vault);
    const stop = store.subscribe(() => undefined);
    await until(() => answers.length === 1);
    if (isLeft) stop();
    await vault.lock();
    await settled();
    answers[0]?.();
    await settled();
    expect(store.get().status).toBeNull();
    await vault.unlock();
    const again = store.subscribe(() => undefined);
    await until(() => answers.length === 2);
    answers[1]?.();
    await until(() => store.get().status?.person?.name === 'amal');
    // a status that is kept for who comes next goes with the lock, too
    again();
    stop();
    expect(store.get().status).not.toBeNull();
    await vault.lock();
    await settled();
    expect(store.get().status).toBeNull();
  });
});
