import { useSyncExternalStore } from 'react';

import type { Live, LiveSnapshot } from '../live.ts';

/** What a live source shows. Renders again only when it shows something else. */
export function useLive<T>(live: Live<T>): LiveSnapshot<T> {
  return useSyncExternalStore(live.subscribe, live.get, live.get);
}
