/**
 * What follows the store: a source that is read again when a committed transaction touched what it
 * shows. Owns the rules that keep this cheap: one read at a time, changes that come meanwhile are one
 * more read, and nobody is told where the answer is the same. Owns, too, that nothing of a vault that is
 * locked is kept: all that a source remembers is here or in what it forgets. Knows no React.
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
  /** Reads the text of the answer; null where there is none. Keeps nothing of it. */
  read(): Promise<string | null>;
  /** What such a text says. Only called for an answer that is shown, and is another one. */
  parse(text: string | null): T;
  /** Lets go of all that `parse` kept. */
  forget?(): void;
  /**
   * Calls back whenever the answer may have changed, and once there is nothing to see any more. Returns
   * how to stop.
   */
  watch(changed: () => void, locked: () => void): () => void;
}

/** A value that follows the store while somebody listens. Inert, and empty, without listeners. */
export class Live<T> {
  private readonly source: LiveSource<T>;
  private readonly listeners = new Set<() => void>();
  private readonly loading: LiveSnapshot<T>;
  private snapshot: LiveSnapshot<T>;
  /** The answer whose value is shown; undefined where none is. */
  private text: string | null | undefined;
  private stopWatching: (() => void) | null = null;
  private reading = false;
  private stale = false;
  /** Reads of an earlier round do not count: nobody listened any more, or it was locked. */
  private round = 0;

  constructor(source: LiveSource<T>) {
    this.source = source;
    this.loading = { status: 'loading', value: source.empty, error: null };
    this.snapshot = this.loading;
  }

  /** What it shows now: the same object as long as nothing changed. */
  readonly get = (): LiveSnapshot<T> => this.snapshot;

  /** Listens. The first listener starts the source, the last one's end stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // wrapped, so that a listener that is added twice is two
    const entry = () => listener();
    this.listeners.add(entry);
    if (this.stopWatching === null) {
      this.stopWatching = this.source.watch(this.refresh, this.locked);
      this.refresh();
    }
    return () => {
      this.listeners.delete(entry);
      if (this.listeners.size > 0 || this.stopWatching === null) return;
      this.stopWatching();
      this.stopWatching = null;
      // nobody would tell of a lock any more
      this.forget();
      this.snapshot = this.loading;
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

  /** Shows nothing, at once, and drops a read that is running: it may hold what was seen before. */
  private readonly locked = (): void => {
    this.forget();
    this.show({ status: 'locked', value: this.source.empty, error: null });
  };

  private async run(round: number): Promise<void> {
    this.reading = true;
    do {
      this.stale = false;
      const next = await this.read(round);
      // it may have been locked since the answer came, too
      if (next === null || round !== this.round) return;
      this.show(next);
      // who was told may have ended it
      if (round !== this.round) return;
    } while (this.stale);
    this.reading = false;
  }

  /** What is to be shown now; null where nobody wants to know any more. */
  private async read(round: number): Promise<LiveSnapshot<T> | null> {
    try {
      const text = await this.source.read();
      if (round !== this.round) return null;
      const value = text === this.text ? this.snapshot.value : this.source.parse(text);
      this.text = text;
      return { status: 'ready', value, error: null };
    } catch (error) {
      return round === this.round ? this.failed(toAmanaError(error)) : null;
    }
  }

  private failed(error: AmanaError): LiveSnapshot<T> {
    // nothing of a locked vault stays on the screen
    if (isAmanaError(error, 'locked', 'closed')) {
      this.drop();
      return { status: 'locked', value: this.source.empty, error: null };
    }
    const before = this.snapshot.error;
    // each read fails with an error of its own
    const isSame = before !== null && sameError(before, error);
    return { status: 'error', value: this.snapshot.value, error: isSame ? before : error };
  }

  /** Lets go of what was read, and of a read that is running. */
  private forget(): void {
    this.round++;
    this.reading = false;
    this.stale = false;
    this.drop();
  }

  private drop(): void {
    this.text = undefined;
    this.source.forget?.();
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
