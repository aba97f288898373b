/** Jotai's own atoms over a storage whose writes are done when the test says so. */
import { createStore } from 'jotai';
import { atomWithStorage, RESET } from 'jotai/utils';
import type { SecureStorage } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';
import { jotaiStorage } from 'react-native-amana/jotai';

/** What others read and write by. */
let others: SecureStorage;
/** The same keys for the adapter; while `isHeld`, its writes wait in `held`. */
let slow: SecureStorage;
let held: (() => Promise<void>)[];
let isHeld: boolean;

beforeEach(async () => {
  amanaMock.reset();
  others = (await openVault()).storage;
  held = [];
  isHeld = true;
  const hold = (write: () => Promise<void>): Promise<void> =>
    isHeld
      ? new Promise((resolve, reject) => {
          held.push(() => write().then(resolve, reject).then(settled));
        })
      : write();
  slow = Object.assign(others.namespace('app'), {
    setItem: (key: string, value: string) => hold(() => others.setItem(key, value)),
    removeItem: (key: string) => hold(() => others.removeItem(key)),
  });
});

/** All that is on the way has arrived: the mock needs no timer. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const makeAtom = (by = jotaiStorage<unknown>(slow)) => atomWithStorage<unknown>('k', 'none', by);

/** Uses an atom: what it is told to be, one entry a render. */
async function use(atom = makeAtom(), store = createStore()) {
  const seen: unknown[] = [];
  const stop = store.sub(atom, () => seen.push(store.get(atom)));
  await settled();
  seen.length = 0;
  return { seen, stop, atom, store, set: (value: unknown) => store.set(atom, value) };
}

test('what was typed quickly is not seen again when it is written at last', async () => {
  const { seen, set } = await use();
  const writes = ['a', 'ab', 'abc'].map((text) => set(text));
  for (const write of held) await write();
  await Promise.all(writes);
  expect(seen).toEqual(['a', 'ab', 'abc']);
  expect(await others.getItem('k')).toBe('"abc"');
});

test('one set is one render, for an object too, and it stays the same object', async () => {
  isHeld = false;
  const { seen, set, store, atom } = await use();
  const value = { language: 'ar', sizes: [1, 2] };
  await set(value);
  await settled();
  expect(seen).toHaveLength(1);
  expect(store.get(atom)).toBe(value);
  await set(RESET);
  await settled();
  expect(seen).toEqual([value, 'none']);
});

test('what others write is followed: after own writes, between them, and where it removes', async () => {
  const { seen, set } = await use();
  await others.setItem('k', '"theirs"');
  await settled();
  expect(seen).toEqual(['theirs']);

  // theirs comes while two of ours are on the way: the last one of ours is what is kept
  void set('one');
  void set('two');
  await held[0]?.();
  await others.setItem('k', '"between"');
  await settled();
  await held[1]?.();
  expect(seen).toEqual(['theirs', 'one', 'two']);

  // theirs comes after ours, and before ours is known to be done
  void set('three');
  const done = held[2]?.();
  await others.setItem('k', '"after"');
  await done;
  await settled();
  expect(seen.slice(3)).toEqual(['three', 'after']);

  await others.clear();
  await settled();
  expect(seen.at(-1)).toBe('none');
});

test('what was read before an own write is not told after it', async () => {
  isHeld = false;
  const { seen, set } = await use();
  const reads: (() => void)[] = [];
  const getItem = slow.getItem;
  Object.assign(slow, {
    getItem: async (key: string) => {
      const text = await getItem(key);
      await new Promise<void>((resolve) => reads.push(resolve));
      return text;
    },
  });
  await others.setItem('k', '"theirs"');
  await settled();
  expect(reads).toHaveLength(1);
  await set('ours');
  while (reads.length > 0) {
    reads.shift()?.();
    await settled();
  }
  expect(seen).toEqual(['ours']);
});

test('an own write that fails leaves the atom, which still follows others', async () => {
  const { seen, set } = await use();
  const write = set('x').catch((error: unknown) => error);
  amanaMock.failNext('kvSet', 'storage_full');
  await held[0]?.();
  expect(await write).toMatchObject({ code: 'storage_full' });
  expect(seen).toEqual(['x']);
  await others.setItem('k', '"theirs"');
  await settled();
  expect(seen).toEqual(['x', 'theirs']);
});

test('two stores of one atom, and two atoms of one key, follow each other', async () => {
  isHeld = false;
  const by = jotaiStorage<unknown>(slow);
  const first = await use(makeAtom(by));
  const second = await use(first.atom);
  const third = await use(makeAtom(by));
  await first.set({ n: 1 });
  await settled();
  await third.set({ n: 2 });
  await settled();
  for (const { seen } of [first, second, third]) expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
});

test('an atom that is used anew while its write is on the way has what was written', async () => {
  const { set, stop, atom, store } = await use();
  void set('new');
  stop();
  const again = await use(atom, store);
  expect(await store.get(atom)).toBe('new');
  await held[0]?.();
  expect(await store.get(atom)).toBe('new');
  again.stop();
});

test('text that is no JSON is the initial value, as with the JSON storage of jotai', async () => {
  await others.setItem('k', 'not JSON');
  const { seen, store, atom } = await use();
  expect(await store.get(atom)).toBe('none');
  await others.setItem('k', '"JSON"');
  await settled();
  await others.setItem('k', '{"half":');
  await settled();
  expect(seen).toEqual(['JSON', 'none']);
});

test('nothing is heard after the last use, and what was locked meanwhile is read at the next change', async () => {
  isHeld = false;
  const vault = await openVault();
  const { seen, stop, set } = await use();
  amanaMock.failNext('kvGet', 'locked');
  await others.setItem('k', '"missed"');
  await settled();
  expect(seen).toEqual([]);
  await others.setItem('k', '"heard"');
  await settled();
  expect(seen).toEqual(['heard']);
  stop();
  await set('mine');
  await others.setItem('k', '"theirs"');
  await settled();
  expect(seen).toEqual(['heard']);
  await vault.close();
});
