import { useMemo, useSyncExternalStore } from 'react';

import type { SyncReport } from '../NativeAmana.ts';
import type { SyncOptions } from '../peers.ts';
import type { SyncView } from '../sync-store.ts';
import { syncStore } from '../sync-store.ts';
import { useVault } from './context.tsx';

/** How sync stands, and how to start one. */
export interface UseSync extends SyncView {
  /** Syncs; cancel through `signal`. Does not reject: the error is in the view. */
  readonly sync: (options?: SyncOptions) => Promise<SyncReport | null>;
}

/** Progress, pending, conflicts, quarantine, last success per peer. */
export function useSync(): UseSync {
  const store = syncStore(useVault<unknown>());
  const view = useSyncExternalStore(store.subscribe, store.get, store.get);
  return useMemo(() => ({ ...view, sync: store.sync }), [view, store]);
}
