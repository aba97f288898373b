/**
 * Encrypted settings: AsyncStorage's interface of version 2, whole, with promises and callbacks, and
 * what it lacks: synchronous reads, namespaces, bytes, expiry, compare-and-set, change listeners.
 */
import {
  checkArray,
  checkExpiry,
  checkFunction,
  checkKey,
  checkKeys,
  checkOptions,
  checkText,
  checkValue,
  checkWhole,
  invalid,
  MAX_KEYS,
  toJson,
} from './check.ts';
import type { AmanaError } from './errors.ts';
import { toAmanaError } from './errors.ts';
import { mergeJson } from './merge-json.ts';
import type { KeyPage } from './NativeAmana.ts';
import { call, listen, native } from './native.ts';
import type { SecureValue } from './text.ts';
import { readJsonReply, readReply, tag, untag } from './text.ts';

/** Called with an error or null, and the result. */
export type Callback<T> = (error: AmanaError | null, result?: T) => void;
/** As AsyncStorage's calls for several keys report: a list of errors or null. */
export type MultiCallback<T> = (errors: readonly (AmanaError | null)[] | null, result?: T) => void;
/** A key with its value, as AsyncStorage writes pairs. */
export type KeyValuePair = [string, string | null];

/** How a value is set. */
export interface SetOptions {
  /** After how many milliseconds the value is missing; never where it is left out. */
  readonly expiresInMs?: number;
}

/** A committed change of a namespace. */
export interface StorageChange {
  /** The keys; null where the namespace was cleared or they are more than a thousand. */
  readonly keys: readonly string[] | null;
}

/** Where to find the vault: its handle at once, or null as long as it is not open. */
export interface StorageHome {
  readonly now: () => number;
  readonly open: () => Promise<number>;
}

/** How often a merge tries again when others write the same key. */
const MERGE_TRIES = 32;
const KEYS_PER_PAGE = 1000;

/**
 * Encrypted key–value pairs of one namespace. Its methods are values of their own, as AsyncStorage's:
 * they work taken out of it, and in a copy (`{ ...storage }`).
 */
export class SecureStorage {
  private readonly home: StorageHome;
  private readonly space: string;

  /** @internal */
  constructor(home: StorageHome, space: string) {
    this.home = home;
    this.space = space;
  }

  /** Other keys, of another name; on the disk as these. */
  readonly namespace = (name: string): SecureStorage => {
    return new SecureStorage(this.home, `stored:${checkKey(name, 'a namespace')}`);
  };

  /** Keys that live in memory until the vault is locked, and never on the disk. */
  readonly session = (name = 'app'): SecureStorage => {
    return new SecureStorage(this.home, `session:${checkKey(name, 'a namespace')}`);
  };

  // AsyncStorage

  /** The text of a key, or null. `invalid_input` where bytes were stored. */
  readonly getItem = (key: string, callback?: Callback<string | null>): Promise<string | null> => {
    return settle(this.readText(key), callback);
  };

  /** Stores a text, whatever was there. */
  readonly setItem = (
    key: string,
    value: string,
    more?: Callback<void> | SetOptions
  ): Promise<void> => {
    const [options, callback] = optionsOf(more);
    return settle(this.writeText(key, value, options), callback);
  };

  /** Removes a key; no error where there is none. */
  readonly removeItem = (key: string, callback?: Callback<void>): Promise<void> => {
    return settle(this.remove(key).then(noResult), callback);
  };

  /**
   * Merges a JSON object into the one that is stored, deep, in one step for everybody else. What is
   * stored then expires as this call says, and without its word never, whatever was said before.
   */
  readonly mergeItem = (
    key: string,
    value: string,
    more?: Callback<void> | SetOptions
  ): Promise<void> => {
    const [options, callback] = optionsOf(more);
    return settle(this.merge(key, value, options), callback);
  };

  /** Removes every key of this namespace. Other namespaces stay. */
  readonly clear = (callback?: Callback<void>): Promise<void> => {
    const work = this.at().then((h) => call((m) => m.kvClear(h, this.space)));
    return settle(work.then(noResult), callback);
  };

  /** Every key, in the order of their bytes. */
  readonly getAllKeys = (callback?: Callback<readonly string[]>): Promise<readonly string[]> => {
    return settle(this.keys(), callback);
  };

  /**
   * The texts of several keys, in the order of the keys; as they are together, 10,000 by 10,000.
   * `value_too_large` where 10,000 of them are more than 64 MiB.
   */
  readonly multiGet = (
    keys: readonly string[],
    callback?: MultiCallback<readonly KeyValuePair[]>
  ): Promise<readonly KeyValuePair[]> => {
    return settleMany(this.readMany(keys), callback);
  };

  /** Stores several texts in one transaction, all or none: 10,000 and 64 MiB at most. */
  readonly multiSet = (
    pairs: readonly (readonly [string, string])[],
    callback?: MultiCallback<void>
  ): Promise<void> => {
    return settleMany(this.writeMany(pairs), callback);
  };

  /** Removes several keys in one transaction: 10,000 at most. */
  readonly multiRemove = (
    keys: readonly string[],
    callback?: MultiCallback<void>
  ): Promise<void> => {
    const work = this.at().then((h) => {
      const checked = checkKeys(keys);
      return call((m) => m.kvMultiRemove(h, this.space, checked));
    });
    return settleMany(work.then(noResult), callback);
  };

  /** Merges several JSON objects, each in one step. */
  readonly multiMerge = (
    pairs: readonly (readonly [string, string])[],
    callback?: MultiCallback<void>
  ): Promise<void> => {
    const work = async () => {
      for (const [key, value] of checkPairs(pairs)) await this.merge(key, value, {});
    };
    return settleMany(work(), callback);
  };

  /** Nothing waits here: every call of `multiGet` is answered by itself. */
  readonly flushGetRequests = (): void => {
    // AsyncStorage gathers reads to save trips; a trip here costs microseconds
  };

  // beyond AsyncStorage

  /** The text of a key, or null, at once. Throws `locked` while the vault is not open. */
  readonly getItemSync = (key: string): string | null => {
    return asText(this.getSync(key));
  };

  /** Text or bytes of a key, or null, at once. */
  readonly getSync = (key: string): SecureValue | null => {
    const checked = checkKey(key);
    const reply = readReply(native().kvGetSync(this.home.now(), this.space, checked));
    return reply === null ? null : untag(reply);
  };

  /** The texts of several keys at once: 10,000 keys and 64 MiB at most. */
  readonly multiGetSync = (keys: readonly string[]): readonly KeyValuePair[] => {
    const checked = checkKeys(keys);
    const reply = native().kvMultiGetSync(this.home.now(), this.space, checked);
    return pairsOf(checked, readJsonReply(reply) as (string | null)[]);
  };

  /** Text or bytes of a key, or null. */
  readonly get = async (key: string): Promise<SecureValue | null> => {
    const checked = checkKey(key);
    const handle = await this.at();
    const found = await call((module) => module.kvGet(handle, this.space, checked));
    return found === null ? null : untag(found);
  };

  /** Stores text or bytes, whatever was there. */
  readonly set = async (
    key: string,
    value: SecureValue,
    options: SetOptions = {}
  ): Promise<void> => {
    return this.write(key, checkValue(value), options);
  };

  /** Removes a key; whether there was one. */
  readonly remove = async (key: string): Promise<boolean> => {
    const checked = checkKey(key);
    const handle = await this.at();
    return call((module) => module.kvRemove(handle, this.space, checked));
  };

  /**
   * Stores `next` (null: removes the key) if the present value is `expected` (null: if it is missing).
   * Whether it was.
   */
  readonly compareAndSet = async (
    key: string,
    expected: SecureValue | null,
    next: SecureValue | null,
    options: SetOptions = {}
  ): Promise<boolean> => {
    const checked = checkKey(key);
    const before = expected === null ? null : tag(checkValue(expected));
    const after = next === null ? null : tag(checkValue(next));
    const expires = checkExpiry(checkOptions(options).expiresInMs);
    const handle = await this.at();
    return call((m) => m.kvCompareAndSet(handle, this.space, checked, before, after, expires));
  };

  /** The keys that begin so, in the order of their bytes; all where nothing is given. */
  readonly keys = async (prefix = ''): Promise<readonly string[]> => {
    checkText(prefix, 'a prefix');
    const handle = await this.at();
    const keys: string[] = [];
    let after: string | null = null;
    do {
      const from: string | null = after;
      const page: KeyPage = await call((m) =>
        m.kvKeys(handle, this.space, prefix, from, KEYS_PER_PAGE)
      );
      keys.push(...page.keys);
      after = page.next;
    } while (after !== null);
    return keys;
  };

  /** The first keys that begin so, at once; at most 1,000. */
  readonly keysSync = (prefix = '', limit = KEYS_PER_PAGE): readonly string[] => {
    checkText(prefix, 'a prefix');
    checkWhole(limit, 'limit', 1, KEYS_PER_PAGE);
    const reply = native().kvKeysSync(this.home.now(), this.space, prefix, null, limit);
    return (readJsonReply(reply) as { keys: string[] }).keys;
  };

  /** Hears of every committed change of this namespace. Returns how to stop. */
  readonly subscribe = (listener: (change: StorageChange) => void): (() => void) => {
    checkFunction(listener, 'a listener');
    let stop: (() => void) | null = null;
    let ended = false;
    const begin = (handle: number) => {
      if (ended) return;
      stop = listen('kvChange', handle, (event) => {
        if (event.space === this.space) listener({ keys: event.keys });
      });
    };
    try {
      begin(this.home.now());
    } catch {
      // not open yet; where it does not open, there is nothing to hear
      this.home.open().then(begin, () => undefined);
    }
    return () => {
      ended = true;
      stop?.();
    };
  };

  private at(): Promise<number> {
    return this.home.open();
  }

  private async readText(key: string): Promise<string | null> {
    return asText(await this.get(key));
  }

  private async writeText(key: string, value: string, options: SetOptions): Promise<void> {
    return this.write(key, checkedText(value), options);
  }

  private async write(key: string, value: SecureValue, options: SetOptions): Promise<void> {
    const checked = checkKey(key);
    const expires = checkExpiry(checkOptions(options).expiresInMs);
    const handle = await this.at();
    return call((m) => m.kvSet(handle, this.space, checked, tag(value), expires));
  }

  private async readMany(keys: readonly string[]): Promise<readonly KeyValuePair[]> {
    const checked = checkArray(keys, 'keys').map((key) => checkKey(key));
    const handle = await this.at();
    const pairs: KeyValuePair[] = [];
    for (let from = 0; from < checked.length; from += MAX_KEYS) {
      const piece = checked.slice(from, from + MAX_KEYS);
      const values = await call((m) => m.kvMultiGet(handle, this.space, piece));
      for (const pair of pairsOf(piece, values)) pairs.push(pair);
    }
    return pairs;
  }

  private async writeMany(pairs: readonly (readonly [string, string])[]): Promise<void> {
    const entries = checkPairs(pairs).map(([key, value]) => ({ key, value: tag(value) }));
    const json = toJson(entries);
    const handle = await this.at();
    return call((m) => m.kvMultiSet(handle, this.space, json));
  }

  private async merge(key: string, value: string, options: SetOptions): Promise<void> {
    const added = checkedText(value);
    for (let tries = 0; tries < MERGE_TRIES; tries++) {
      const before = await this.readText(key);
      const after = before === null ? added : mergeJson(before, added);
      if (await this.compareAndSet(key, before, after, options)) return;
    }
    throw invalid('others write this key all the time: the merge gave up');
  }
}

/** AsyncStorage takes null for no callback. */
function optionsOf(
  more: Callback<void> | SetOptions | null | undefined
): [SetOptions, Callback<void> | undefined] {
  return typeof more === 'function' ? [{}, more] : [more ?? {}, undefined];
}

function checkedText(value: unknown): string {
  if (typeof value !== 'string') throw invalid('a value is a text: use JSON.stringify for others');
  return checkValue(value) as string;
}

function checkPairs(pairs: unknown): [string, string][] {
  return checkArray(pairs, 'pairs').map((pair) => {
    const [key, value] = checkArray(pair, 'a pair');
    return [checkKey(key), checkedText(value)];
  });
}

function pairsOf(keys: readonly string[], values: readonly (string | null)[]): KeyValuePair[] {
  return keys.map((key, i) => {
    const value = values[i] ?? null;
    return [key, value === null ? null : asText(untag(value))];
  });
}

function asText(value: SecureValue | null): string | null {
  if (value !== null && typeof value !== 'string') throw invalid('the value is bytes, not text');
  return value;
}

function noResult(): void {
  // callers of AsyncStorage get nothing
}

function settle<T>(work: Promise<T>, callback: Callback<T> | undefined): Promise<T> {
  if (typeof callback === 'function') {
    work.then(
      (result) => callback(null, result),
      (error: unknown) => callback(toAmanaError(error))
    );
  }
  return work;
}

function settleMany<T>(work: Promise<T>, callback: MultiCallback<T> | undefined): Promise<T> {
  if (typeof callback === 'function') {
    work.then(
      (result) => callback(null, result),
      (error: unknown) => callback([toAmanaError(error)])
    );
  }
  return work;
}
