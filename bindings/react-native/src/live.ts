/**
 * What follows the store: a source that is read again when a committed transaction touched what it
 * shows. Owns the rules that keep this cheap: one read at a time, changes that come meanwhile are one
 * more read, and nobody is told where the answer is the same. Knows no React.
 */
import type { AmanaError } from './errors.ts';
import { isAmanaError, toAmanaError } from './errors.ts';
import { tell } from './listeners.ts';

/** What a live source shows. */
export interface LiveSnapshot<T> {
  /** `loading`: nothing read yet. `locked`: nothing to see until the vault is unlocked. */
  readonly status: 'loading' | 'ready' | 'locked' | 'error';
  readonly value: T;
  readonly error: AmanaError | null;
}

/** What a live source is made of. */
export interface LiveSource<T> {
  /** What is shown while there is nothing. */
  readonly empty: T;
  /** Reads. Resolves to `before` itself where nothing is new. */
  read(before: T): Promise<T>;
  /** Calls back whenever the answer may have changed. Returns how to stop. */
  watch(changed: () => void): () => void;
}

/** A value that follows the store while somebody listens. Inert without listeners. */
export class Live<T> {
  private readonly source: LiveSource<T>;
  private readonly listeners = new Set<() => void>();
  private snapshot: LiveSnapshot<T>;
  private stopWatching: (() => void) | null = null;
  private reading = false;
  private stale = false;
  /** Reads of an earlier subscription do not count. */
  private round = 0;

  constructor(source: LiveSource<T>, initial?: LiveSnapshot<T>) {
    this.source = source;
    this.snapshot = initial ?? { status: 'loading', value: source.empty, error: null };
  }

  /** What it shows now: the same object as long as nothing changed. */
  readonly get = (): LiveSnapshot<T> => this.snapshot;

  /** Listens. The first listener starts the source, the last one's end stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // wrapped, so that a listener that is added twice is two
    const entry = () => listener();
    this.listeners.add(entry);
    if (this.stopWatching === null) {
      this.round++;
      this.reading = false;
      this.stopWatching = this.source.watch(this.refresh);
      this.refresh();
    }
    return () => {
      this.listeners.delete(entry);
      if (this.listeners.size === 0) {
        this.stopWatching?.();
        this.stopWatching = null;
      }
    };
  };

  /** Reads again; no more than one more time for whatever comes while a read is running. */
  readonly refresh = (): void => {
    if (this.stopWatching === null) return;
    if (this.reading) {
      this.stale = true;
      return;
    }
    void this.run(this.round);
  };

  private async run(round: number): Promise<void> {
    this.reading = true;
    do {
      this.stale = false;
      let next: LiveSnapshot<T>;
      try {
        const value = await this.source.read(this.snapshot.value);
        next = { status: 'ready', value, error: null };
      } catch (error) {
        next = this.failed(toAmanaError(error));
      }
      if (round !== this.round || this.stopWatching === null) return;
      this.show(next);
    } while (this.stale);
    this.reading = false;
  }

  private failed(error: AmanaError): LiveSnapshot<T> {
    // nothing of a locked vault stays on the screen
    if (isAmanaError(error, 'locked', 'closed')) {
      return { status: 'locked', value: this.source.empty, error: null };
    }
    const before = this.snapshot.error;
    // each read fails with an error of its own
    const isSame = before !== null && sameError(before, error);
    return { status: 'error', value: this.snapshot.value, error: isSame ? before : error };
  }

  private show(next: LiveSnapshot<T>): void {
    const { status, value, error } = this.snapshot;
    if (status === next.status && value === next.value && error === next.error) return;
    this.snapshot = next;
    tell(this.listeners);
  }
}

function sameError(a: AmanaError, b: AmanaError): boolean {
  return (
    a.code === b.code &&
    a.message === b.message &&
    a.at === b.at &&
    a.retryable === b.retryable &&
    a.retryAfterMs === b.retryAfterMs
  );
}
