import type { SecureStorage, Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, passed, until } from './harness.ts';

export function storageContract(harness: Harness): void {
  let vault: Vault;
  let storage: SecureStorage;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
    storage = vault.storage;
  });
  afterEach(() => vault.close());

  test('a text comes back as it was, now and later', async () => {
    for (const text of ['', 'text', 'سلمى 👶', 'a\0b', '"{}\\', '\u2028']) {
      await storage.setItem('k', text);
      expect(await storage.getItem('k')).toBe(text);
      expect(storage.getItemSync('k')).toBe(text);
    }
    expect(await storage.getItem('missing')).toBeNull();
    expect(storage.getItemSync('missing')).toBeNull();
  });

  test('bytes come back as bytes, and are not text', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await storage.set('b', bytes);
    expect(await storage.get('b')).toEqual(bytes);
    expect(storage.getSync('b')).toEqual(bytes);
    expect(await codeOf(storage.getItem('b'))).toBe('invalid_input');
    expect(await codeOf(() => storage.getItemSync('b'))).toBe('invalid_input');
  });

  test('AsyncStorage: several keys at once', async () => {
    await storage.multiSet([
      ['b', '2'],
      ['a', '1'],
    ]);
    expect(await storage.multiGet(['a', 'none', 'b'])).toEqual([
      ['a', '1'],
      ['none', null],
      ['b', '2'],
    ]);
    expect(storage.multiGetSync(['b', 'none'])).toEqual([
      ['b', '2'],
      ['none', null],
    ]);
    expect(await storage.getAllKeys()).toEqual(['a', 'b']);
    await storage.multiRemove(['a', 'none']);
    expect(await storage.getAllKeys()).toEqual(['b']);
    await storage.removeItem('none');
    await storage.clear();
    expect(await storage.getAllKeys()).toEqual([]);
  });

  test('AsyncStorage: merges deep, in one step', async () => {
    await storage.mergeItem('m', JSON.stringify({ a: 1, deep: { x: 1, y: [1] } }));
    await storage.mergeItem('m', JSON.stringify({ b: 2, deep: { y: [2], z: 3 } }));
    const merged = { a: 1, b: 2, deep: { x: 1, y: [2], z: 3 } };
    expect(JSON.parse((await storage.getItem('m')) ?? '')).toEqual(merged);
    await storage.multiMerge([['m', JSON.stringify({ a: 5 })]]);
    expect(JSON.parse((await storage.getItem('m')) ?? '')).toEqual({ ...merged, a: 5 });
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => storage.mergeItem('n', JSON.stringify({ [`k${i}`]: i })))
    );
    expect(Object.keys(JSON.parse((await storage.getItem('n')) ?? '') as object)).toHaveLength(8);
    expect(await codeOf(storage.setItem('t', 'no json').then(() => storage.mergeItem('t', '{}')))).toBe(
      'invalid_input'
    );
  });

  test('AsyncStorage: callbacks are called as well', async () => {
    const got = await new Promise((resolve) => {
      void storage.setItem('k', 'v', () => {
        void storage.getItem('k', (error, value) => resolve([error, value]));
      });
    });
    expect(got).toEqual([null, 'v']);
    const many = await new Promise((resolve) => {
      void storage.multiGet(['k'], (errors, pairs) => resolve([errors, pairs]));
    });
    expect(many).toEqual([null, [['k', 'v']]]);
    const failed = await new Promise((resolve) => {
      storage.getItem('', (error) => resolve(error?.code)).catch(() => undefined);
    });
    expect(failed).toBe('invalid_input');
    storage.flushGetRequests();
  });

  test('namespaces do not see each other', async () => {
    const other = storage.namespace('other');
    const session = storage.session('other');
    await storage.setItem('k', 'app');
    await other.setItem('k', 'other');
    await session.setItem('k', 'session');
    expect([storage.getItemSync('k'), other.getItemSync('k'), session.getItemSync('k')]).toEqual([
      'app',
      'other',
      'session',
    ]);
    await other.clear();
    expect(await other.getItem('k')).toBeNull();
    expect(await storage.getItem('k')).toBe('app');
    await vault.lock();
    await vault.unlock();
    expect(await session.getItem('k')).toBeNull();
    expect(await storage.getItem('k')).toBe('app');
  });

  test('a value with an expiry is missing afterwards', async () => {
    for (const space of [storage, storage.namespace('other'), storage.session()]) {
      await space.setItem('stays', 'v');
      await space.setItem('long', 'v', { expiresInMs: 60_000 });
      await space.setItem('short', 'v', { expiresInMs: 1 });
      await space.compareAndSet('swapped', null, 'v', { expiresInMs: 1 });
      // set anew without an expiry
      await space.setItem('kept', 'v', { expiresInMs: 1 });
      await space.setItem('kept', 'w');
      await passed(harness, 1);
      expect(await space.getItem('short')).toBeNull();
      expect(space.getItemSync('short')).toBeNull();
      expect(await space.multiGet(['long', 'short', 'swapped', 'kept'])).toEqual([
        ['long', 'v'],
        ['short', null],
        ['swapped', null],
        ['kept', 'w'],
      ]);
      expect(await space.keys()).toEqual(['kept', 'long', 'stays']);
      expect(space.keysSync()).toEqual(['kept', 'long', 'stays']);
      expect(await space.compareAndSet('short', 'v', 'w')).toBe(false);
      expect(await space.compareAndSet('short', null, 'new')).toBe(true);
      expect(space.getItemSync('short')).toBe('new');
      expect(await space.remove('swapped')).toBe(false);
    }
  });

  test('an expiry is whole, and some time away', async () => {
    for (const expiresInMs of [0, -1, 1.5, NaN, Infinity]) {
      expect(await codeOf(storage.setItem('k', 'v', { expiresInMs }))).toBe('invalid_input');
    }
  });

  test('compare and set', async () => {
    expect(await storage.compareAndSet('c', null, 'one')).toBe(true);
    expect(await storage.compareAndSet('c', null, 'two')).toBe(false);
    expect(await storage.compareAndSet('c', 'one', 'two')).toBe(true);
    expect(await storage.compareAndSet('c', 'two', null)).toBe(true);
    expect(await storage.getItem('c')).toBeNull();
    expect(await storage.remove('c')).toBe(false);
  });

  test('keys come by prefix, in the order of their bytes, in pages behind the scenes', async () => {
    const keys = Array.from({ length: 2_345 }, (_, i) => `n${String(i).padStart(5, '0')}`);
    await storage.multiSet([...keys.map((key): [string, string] => [key, 'v']), ['z', 'v']]);
    await storage.setItem('m', 'v');
    expect(await storage.keys('n')).toEqual(keys);
    expect(storage.keysSync('n', 3)).toEqual(keys.slice(0, 3));
    expect((await storage.keys()).length).toBe(2_347);
  });

  test('who listens hears of committed changes of this namespace', async () => {
    const heard: (readonly string[] | null)[] = [];
    const stop = storage.subscribe(({ keys }) => heard.push(keys));
    await storage.namespace('other').setItem('k', 'v');
    await storage.setItem('a', 'v');
    await storage.multiSet([
      ['b', 'v'],
      ['c', 'v'],
    ]);
    await storage.clear();
    await until(() => heard.length >= 3);
    expect(heard.map((keys) => keys && [...keys].sort())).toEqual([['a'], ['b', 'c'], null]);
    stop();
    await storage.setItem('d', 'v');
    expect(heard).toHaveLength(3);
  });
}
