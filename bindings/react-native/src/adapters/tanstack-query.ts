/** For TanStack Query: `persistQueryClient({ queryClient, persister: tanstackPersister(vault.storage) })`. */
import AsyncStorage from '../async-storage.ts';
import type { SecureStorage } from '../storage.ts';

/** What TanStack Query calls a `Persister`. */
export interface TanstackPersister<Client> {
  persistClient(client: Client): Promise<void>;
  restoreClient(): Promise<Client | undefined>;
  removeClient(): Promise<void>;
}

/** How a cache is kept. */
export interface TanstackPersisterOptions {
  /** The key it is kept under. */
  readonly key?: string;
  /** After how many milliseconds it is missing; never where it is left out. */
  readonly expiresInMs?: number;
}

/**
 * Keeps a query cache in the encrypted settings. While one write is under way only the newest state of
 * what came meanwhile is written.
 */
// the library's own type of a client, which is not imported: this package depends on nothing
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function tanstackPersister<Client = any>(
  storage: SecureStorage = AsyncStorage,
  { key = 'tanstack-query', expiresInMs }: TanstackPersisterOptions = {}
): TanstackPersister<Client> {
  const options = expiresInMs === undefined ? {} : { expiresInMs };
  let newest: { readonly text: string } | null = null;
  let writing: Promise<void> | null = null;

  const write = async () => {
    try {
      while (newest !== null) {
        const { text } = newest;
        newest = null;
        await storage.setItem(key, text, options);
      }
    } finally {
      writing = null;
    }
  };
  return {
    persistClient: (client) => {
      newest = { text: JSON.stringify(client) };
      writing ??= write();
      return writing;
    },
    restoreClient: async () => {
      const text = await storage.getItem(key);
      return text === null ? undefined : (JSON.parse(text) as Client);
    },
    removeClient: async () => {
      newest = null;
      await writing?.catch(() => undefined);
      await storage.removeItem(key);
    },
  };
}
