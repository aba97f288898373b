/**
 * What a screen shows about sync: one store per vault, so that two screens show the same and start one
 * sync. Owns that the status, which names a person, goes with the lock. Knows no React.
 */
import { checkFunction, checkOptions } from './check.ts';
import type { AmanaError } from './errors.ts';
import { isAmanaError, toAmanaError } from './errors.ts';
import { tell } from './listeners.ts';
import type { SyncReport, SyncStatus, VaultStateEvent } from './NativeAmana.ts';
import { listen } from './native.ts';
import { onPeersChanged } from './notices.ts';
import type { SyncOptions, SyncProgress } from './peers.ts';
import type { AnyVault } from './vault.ts';

/** What `useSync` shows. */
export interface SyncView {
  /** Whether a sync that this app started is running. */
  readonly running: boolean;
  /** How far it is; null while none is running. */
  readonly progress: SyncProgress | null;
  /** Last success per peer, pending, conflicts, quarantine; null while locked or not read yet. */
  readonly status: SyncStatus | null;
  /** What the last sync did; null before the first. */
  readonly report: SyncReport | null;
  /** Why the last sync failed; null where it went well, or was cancelled. */
  readonly error: AmanaError | null;
}

const NOTHING: SyncView = {
  running: false,
  progress: null,
  status: null,
  report: null,
  error: null,
};

export class SyncStore {
  private readonly vault: AnyVault;
  private readonly listeners = new Set<() => void>();
  private view = NOTHING;
  private running = 0;
  private stopWatching: (() => void) | null = null;
  /** The lock is heard of for as long as somebody listens or a status is kept. */
  private stopState: (() => void) | null = null;
  private reading = false;
  private stale = false;
  private statusText = '';
  /** Reads of before a lock do not count. */
  private round = 0;

  constructor(vault: AnyVault) {
    this.vault = vault;
  }

  readonly get = (): SyncView => this.view;

  readonly subscribe = (listener: () => void): (() => void) => {
    const entry = () => listener();
    this.listeners.add(entry);
    if (this.stopWatching === null) {
      const stops = [
        listen('change', this.vault.handle, this.refresh),
        onPeersChanged(this.vault.handle, this.refresh),
        // of a sync that others started
        listen('progress', this.vault.handle, ({ phase }) => {
          if (phase === 'finished') this.refresh();
        }),
      ];
      this.stopWatching = () => stops.forEach((stop) => stop());
      this.stopState ??= listen('state', this.vault.handle, this.stateChanged);
      this.refresh();
    }
    return () => {
      this.listeners.delete(entry);
      if (this.listeners.size === 0) {
        this.stopWatching?.();
        this.stopWatching = null;
        // who comes next shows what is known; without anything nobody has to hear of the lock
        if (this.view.status === null) this.forget();
      }
    };
  };

  /** Syncs. Never rejects for what the view shows; resolves to the report, or null. */
  readonly sync = async (given?: SyncOptions): Promise<SyncReport | null> => {
    this.running++;
    this.show({ running: true, error: null });
    try {
      const options = checkOptions(given);
      const { onProgress } = options;
      if (onProgress !== undefined) checkFunction(onProgress, 'onProgress');
      const report = await this.vault.sync({
        ...options,
        onProgress: (progress) => {
          this.show({ progress });
          onProgress?.(progress);
        },
      });
      this.show({ report });
      return report;
    } catch (error) {
      const failure = toAmanaError(error);
      if (!isAmanaError(failure, 'cancelled')) this.show({ error: failure });
      return null;
    } finally {
      this.running--;
      this.show({
        running: this.running > 0,
        progress: this.running > 0 ? this.view.progress : null,
      });
      this.refresh();
    }
  };

  /** Reads the status again. */
  readonly refresh = (): void => {
    if (this.listeners.size === 0) return;
    this.stale = true;
    if (!this.reading) void this.read(this.round);
  };

  private readonly stateChanged = ({ state }: VaultStateEvent): void => {
    if (state === 'unlocked') this.refresh();
    else this.forget();
  };

  /** Lets go of the status, and of a read that is running. */
  private forget(): void {
    this.round++;
    this.reading = false;
    this.stale = false;
    this.statusText = '';
    this.show({ status: null });
    if (this.listeners.size > 0) return;
    this.stopState?.();
    this.stopState = null;
  }

  private async read(round: number): Promise<void> {
    this.reading = true;
    while (this.stale) {
      this.stale = false;
      let status: SyncStatus | null = null;
      try {
        status = await this.vault.status();
      } catch {
        // locked or closed: nothing to show
      }
      if (round !== this.round) return;
      const text = JSON.stringify(status);
      if (text !== this.statusText) {
        this.statusText = text;
        this.show({ status });
        // who was told may have ended it
        if (round !== this.round) return;
      }
    }
    this.reading = false;
  }

  private show(change: Partial<SyncView>): void {
    const same = Object.entries(change).every(
      ([name, value]) => this.view[name as keyof SyncView] === value
    );
    if (same) return;
    this.view = { ...this.view, ...change };
    tell(this.listeners);
  }
}

const stores = new WeakMap<object, SyncStore>();

/** The store of a vault. */
export function syncStore(vault: AnyVault): SyncStore {
  const known = stores.get(vault) ?? new SyncStore(vault);
  stores.set(vault, known);
  return known;
}
