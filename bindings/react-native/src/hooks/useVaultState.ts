import { useCallback, useSyncExternalStore } from 'react';

import type { VaultState } from '../vault.ts';
import { useVault } from './context.tsx';

/** Whether the vault can be used; the component renders again when that changes. */
export function useVaultState(): VaultState {
  const vault = useVault<unknown>();
  const subscribe = useCallback((changed: () => void) => vault.onState(changed), [vault]);
  const get = useCallback(() => vault.state, [vault]);
  return useSyncExternalStore(subscribe, get, get);
}
