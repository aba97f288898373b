/**
 * Tells who shows how a vault stands with its peers that a call of this app has ended that may have
 * changed it: signing in and out, pairing, syncing, releasing. No event of the native module says so.
 */
import { tell } from './listeners.ts';

const listeners = new Map<number, Set<() => void>>();

/** Hears of such calls of one vault. Returns how to stop. */
export function onPeersChanged(handle: number, listener: () => void): () => void {
  const set = listeners.get(handle) ?? new Set();
  listeners.set(handle, set);
  // wrapped, so that a listener that is added twice is two
  const entry = () => listener();
  set.add(entry);
  return () => {
    set.delete(entry);
    if (set.size === 0 && listeners.get(handle) === set) listeners.delete(handle);
  };
}

/** Runs such a call, and tells when it has ended, however it did: a refused sync is noted, too. */
export async function changingPeers<T>(handle: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    tell(listeners.get(handle));
  }
}
