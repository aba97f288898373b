/**
 * Calls what an app gave to be called. Owns that one listener which throws takes nothing from the others,
 * nor from who calls them: what it threw is an uncaught error of the app.
 */

/** Calls each of them. A copy is taken first: a listener may add and remove others. */
export function tell<A extends unknown[]>(
  listeners: Iterable<(...args: A) => unknown> | undefined,
  ...args: A
): void {
  for (const listener of [...(listeners ?? [])]) {
    try {
      listener(...args);
    } catch (error) {
      uncaught(error);
    }
  }
}

/** What of React Native's global of this name is used. Not there outside of React Native. */
interface Handlers {
  getGlobalHandler(): (error: unknown, isFatal: boolean) => void;
}

/**
 * Reports an error that nobody caught, once and later, so that what is under way goes on: to React
 * Native's global handler, where crash reporters listen, as one that does not end the app. Without it the
 * error is thrown in a timer.
 */
export function uncaught(error: unknown): void {
  setTimeout(() => {
    const { ErrorUtils } = globalThis as { readonly ErrorUtils?: Handlers };
    if (ErrorUtils === undefined) throw error;
    ErrorUtils.getGlobalHandler()(error, false);
  }, 0);
}
