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

interface Follower<Value> {
  readonly callback: (value: Value) => void;
  readonly initialValue: Value;
}

/**
 * What is stored, null where nothing is, and what it was made of, which stays the same object: so it is
 * no news to who has it. Without a value it is the initial one.
 */
interface Known<Value> {
  readonly text: string | null;
  readonly value?: Value;
}

/** A key that is followed or being written. */
interface Entry<Value> {
  readonly followers: Set<Follower<Value>>;
  last: Known<Value> | null;
  /** Own writes that are not done. */
  underWay: number;
  /** Goes up with each own write and follower: what was read before is not told after. */
  turn: number;
  /** There was a change that is not read yet. */
  isBehind: boolean;
  isReading: boolean;
}

/**
 * Keeps atoms in the encrypted settings as JSON; an atom follows what others write. While own writes are
 * on the way nothing is told, since the atoms are ahead of what is stored; what is stored after them is.
 * Text that is no JSON is the initial value.
 */
export function jotaiStorage<Value>(storage: SecureStorage = AsyncStorage): JotaiStorage<Value> {
  const entries = new Map<string, Entry<Value>>();

  const entryOf = (key: string): Entry<Value> => {
    const known = entries.get(key);
    if (known !== undefined) return known;
    const rest = { last: null, underWay: 0, turn: 0, isBehind: false, isReading: false };
    const entry: Entry<Value> = { followers: new Set(), ...rest };
    entries.set(key, entry);
    return entry;
  };

  // values are not kept for longer than somebody has them anyway
  const release = (key: string, entry: Entry<Value>) => {
    if (entry.followers.size > 0 || entry.underWay > 0) return;
    if (entries.get(key) === entry) entries.delete(key);
  };

  const catchUp = async (key: string, entry: Entry<Value>): Promise<void> => {
    if (entry.isReading) return;
    entry.isReading = true;
    try {
      while (entry.isBehind && entry.underWay === 0 && entry.followers.size > 0) {
        entry.isBehind = false;
        const { turn } = entry;
        let text: string | null;
        try {
          text = await storage.getItem(key);
        } catch {
          continue; // locked meanwhile: the atoms keep what they show
        }
        if (turn === entry.turn) tell(entry, text);
        else entry.isBehind = true;
      }
    } finally {
      entry.isReading = false;
    }
  };

  const write = async (
    key: string,
    last: Known<Value>,
    work: () => Promise<void>
  ): Promise<void> => {
    const entry = entryOf(key);
    entry.last = last;
    entry.turn++;
    entry.underWay++;
    try {
      await work();
    } finally {
      entry.underWay--;
      release(key, entry);
      void catchUp(key, entry);
    }
  };

  return {
    getItem: async (key, initialValue) => {
      const entry = entries.get(key);
      if (entry !== undefined && entry.underWay > 0 && entry.last !== null) {
        return valueOf(entry.last, initialValue);
      }
      return valueOf(read<Value>(await storage.getItem(key)), initialValue);
    },
    setItem: (key, newValue) => {
      const text = JSON.stringify(newValue);
      return write(key, { text, value: newValue }, () => storage.setItem(key, text));
    },
    removeItem: (key) => write(key, { text: null }, () => storage.removeItem(key)),
    subscribe: (key, callback, initialValue) => {
      const entry = entryOf(key);
      const follower = { callback, initialValue };
      entry.followers.add(follower);
      entry.turn++;
      const stop = storage.subscribe(({ keys }) => {
        if (keys !== null && !keys.includes(key)) return;
        entry.isBehind = true;
        void catchUp(key, entry);
      });
      return () => {
        stop();
        entry.followers.delete(follower);
        release(key, entry);
      };
    },
  };
}

function tell<Value>(entry: Entry<Value>, text: string | null): void {
  const known = entry.last?.text === text ? entry.last : read<Value>(text);
  entry.last = known;
  // a copy: who is called may add and remove others
  for (const { callback, initialValue } of [...entry.followers]) {
    callback(valueOf(known, initialValue));
  }
}

function read<Value>(text: string | null): Known<Value> {
  if (text === null) return { text };
  try {
    return { text, value: JSON.parse(text) as Value };
  } catch {
    return { text };
  }
}

function valueOf<Value>({ value }: Known<Value>, initialValue: Value): Value {
  return value === undefined ? initialValue : value;
}
