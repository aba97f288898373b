/** What React Native's global handler is told of, in place of its own. */
export interface Uncaught {
  /** The messages of the errors, and whether each ends the app. */
  readonly seen: readonly (readonly [unknown, boolean])[];
  /** Resolves when what was thrown until now has been reported. */
  reported(): Promise<void>;
}

/** Listens where crash reporters do, for the tests of this file or block. */
export function uncaughtErrors(): Uncaught {
  const seen: (readonly [unknown, boolean])[] = [];
  const place = globalThis as { ErrorUtils?: unknown };
  const before = place.ErrorUtils;
  beforeEach(() => {
    seen.length = 0;
    const handler = (error: unknown, isFatal: boolean) => {
      seen.push([error instanceof Error ? error.message : error, isFatal]);
    };
    place.ErrorUtils = { getGlobalHandler: () => handler };
  });
  // timers of one length fire in the order in which they were set
  const reported = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
  afterEach(async () => {
    await reported();
    place.ErrorUtils = before;
  });
  return { seen, reported };
}
