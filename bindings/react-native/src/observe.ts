/**
 * Observers: functions of an app that are called with what a live source shows. Owns that whoever
 * observes hears of each state that a hook shows as `status`. Knows no React.
 */
import { checkFunction, checkOptions } from './check.ts';
import type { AmanaError } from './errors.ts';
import { uncaught } from './listeners.ts';
import type { Live } from './live.ts';

/** What an observer hears of beside what it observes: what hooks show as `locked` and `error`. */
export interface ObserveHandlers {
  /**
   * The vault is locked or closed: take what was shown from the screen. Behind an unlocking the listener
   * is called again.
   */
  readonly onLocked?: () => void;
  /**
   * It could not be read; told once as long as it is the same error. Where it can be read again the
   * listener is called. Without this it is reported as an error that nobody caught.
   */
  readonly onError?: (error: AmanaError) => void;
}

/** Observes a live source. Returns how to stop. */
export function observe<T>(
  live: Live<T>,
  listener: (value: T) => void,
  given: ObserveHandlers | undefined
): () => void {
  checkFunction(listener, 'a listener');
  const { onLocked, onError = uncaught } = checkOptions(given, 'handlers');
  if (onLocked !== undefined) checkFunction(onLocked, 'onLocked');
  checkFunction(onError, 'onError');
  return live.subscribe(() => {
    const { status, value, error } = live.get();
    if (status === 'ready') listener(value);
    else if (status === 'locked') onLocked?.();
    else if (error !== null) onError(error);
  });
}
