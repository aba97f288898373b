import { useCallback, useMemo, useSyncExternalStore } from 'react';

import { Cell } from '../cell.ts';
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
 * the vault is locked. There at the first render: settings are read without waiting. A value that
 * expires is seen to be missing when the component is shown anew, or at the next change.
 *
 * What cannot be read for another reason than a lock (bytes under this key, a key that is none, a damaged
 * database) is thrown while rendering, as an `AmanaError`, for the error boundary above.
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
  const cell = useMemo(
    () =>
      new Cell<string | null>({
        read: () => {
          try {
            return storage.getItemSync(key);
          } catch (error) {
            if (isAmanaError(error, 'locked', 'closed')) return null;
            throw error;
          }
        },
        watch: (changed) => {
          const stopValues = storage.subscribe(({ keys }) => {
            if (keys === null || keys.includes(key)) changed();
          });
          const stopState = vault.onState(changed);
          return () => {
            stopValues();
            stopState();
          };
        },
      }),
    [vault, storage, key]
  );
  const value = useSyncExternalStore(cell.subscribe, cell.get, cell.get);
  const set = useCallback<SetSecureValue>(
    async (next, options) => {
      if (next === null) await storage.removeItem(key);
      else await storage.setItem(key, next, options ?? {});
      // who awaits this sees what was set, whether or not the event has come
      cell.refresh();
    },
    [storage, key, cell]
  );
  return useMemo(() => [value, set] as const, [value, set]);
}
