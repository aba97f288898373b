/**
 * The types that `@react-native-async-storage/async-storage` 2 has, by its names and in its forms, for
 * code that imports them. A callback's error is an `AmanaError`.
 */
import type { KeyValuePair } from './storage.ts';

export type { KeyValuePair } from './storage.ts';

/** What there is of an error. */
export interface ErrorLike {
  message: string;
  key?: string;
}

export type Callback = (error?: Error | null) => void;
export type CallbackWithResult<T> = (error?: Error | null, result?: T | null) => void;
export type MultiCallback = (errors?: readonly (Error | null)[] | null) => void;
export type MultiGetCallback = (
  errors?: readonly (Error | null)[] | null,
  result?: readonly KeyValuePair[]
) => void;

/** What `useAsyncStorage` gives. */
export interface AsyncStorageHook {
  getItem: (callback?: CallbackWithResult<string>) => Promise<string | null>;
  setItem: (value: string, callback?: Callback) => Promise<void>;
  mergeItem: (value: string, callback?: Callback) => Promise<void>;
  removeItem: (callback?: Callback) => Promise<void>;
}

/** AsyncStorage's own methods: what code is written for that takes either of the two. */
export interface AsyncStorageStatic {
  getItem: (key: string, callback?: CallbackWithResult<string>) => Promise<string | null>;
  setItem: (key: string, value: string, callback?: Callback) => Promise<void>;
  removeItem: (key: string, callback?: Callback) => Promise<void>;
  mergeItem: (key: string, value: string, callback?: Callback) => Promise<void>;
  clear: (callback?: Callback) => Promise<void>;
  getAllKeys: (callback?: CallbackWithResult<readonly string[]>) => Promise<readonly string[]>;
  flushGetRequests: () => void;
  multiGet: (
    keys: readonly string[],
    callback?: MultiGetCallback
  ) => Promise<readonly KeyValuePair[]>;
  multiSet: (
    keyValuePairs: readonly (readonly [string, string])[],
    callback?: MultiCallback
  ) => Promise<void>;
  multiRemove: (keys: readonly string[], callback?: MultiCallback) => Promise<void>;
  multiMerge: (keyValuePairs: [string, string][], callback?: MultiCallback) => Promise<void>;
}
