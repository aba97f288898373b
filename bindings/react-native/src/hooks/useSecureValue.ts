import { useCallback, useMemo, useSyncExternalStore } from 'react';

import { isAmanaError } from '../errors.ts';
import type { SetOptions } from '../storage.ts';
import type { SecureStorage } from '../storage.ts';
import { useVault } from './context.tsx';

/** Where a value lives. */
export interface SecureValueOptions {
  /** `app` where it is left out. */
  readonly namespace?: string;
  /** In memory until the vault is locked, never on the disk. */
  readonly session?: boolean;
}

/** Sets the value; null removes it. */
export type SetSecureValue = (value: string | null, options?: SetOptions) => Promise<void>;

/**
 * A text of the encrypted settings, like `useState`: `[value, setValue]`. Null where it is missing or
 * the vault is locked. There at the first render: settings are read without waiting.
 */
export function useSecureValue(
  key: string,
  { namespace = 'app', session = false }: SecureValueOptions = {}
): readonly [string | null, SetSecureValue] {
  const vault = useVault<unknown>();
  const storage = useMemo(
    (): SecureStorage =>
      session ? vault.storage.session(namespace) : vault.storage.namespace(namespace),
    [vault, namespace, session]
  );
  const subscribe = useCallback(
    (changed: () => void) => {
      const stopValues = storage.subscribe(({ keys }) => {
        if (keys === null || keys.includes(key)) changed();
      });
      const stopState = vault.onState(changed);
      return () => {
        stopValues();
        stopState();
      };
    },
    [vault, storage, key]
  );
  const get = useCallback(() => {
    try {
      return storage.getItemSync(key);
    } catch (error) {
      if (isAmanaError(error, 'locked', 'closed')) return null;
      throw error;
    }
  }, [storage, key]);
  const value = useSyncExternalStore(subscribe, get, get);
  const set = useCallback<SetSecureValue>(
    async (next, options) => {
      if (next === null) await storage.removeItem(key);
      else await storage.setItem(key, next, options ?? {});
    },
    [storage, key]
  );
  return useMemo(() => [value, set] as const, [value, set]);
}
