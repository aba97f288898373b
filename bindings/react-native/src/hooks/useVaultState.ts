import { useMemo, useSyncExternalStore } from 'react';

import { Cell } from '../cell.ts';
import type { VaultState } from '../vault.ts';
import { useVault } from './context.tsx';

/** Whether the vault can be used; the component renders again when that changes. */
export function useVaultState(): VaultState {
  const vault = useVault<unknown>();
  const cell = useMemo(
    () =>
      new Cell<VaultState>({
        read: () => vault.state,
        watch: (changed) => vault.onState(changed),
      }),
    [vault]
  );
  return useSyncExternalStore(cell.subscribe, cell.get, cell.get);
}
