/**
 * A value that is there at once, for hooks. Owns that two looks in a row see the same: it is read when
 * something that may change it was heard, and never because somebody looks. A store that were read at
 * each look could change between two looks of one render. Knows no React.
 */
import { tell } from './listeners.ts';

/** What a cell is made of. */
export interface CellSource<T> {
  /** Reads; what it throws, `get` throws. */
  read(): T;
  /** Calls back whenever the value may have changed. Returns how to stop. */
  watch(changed: () => void): () => void;
}

type Seen<T> = { readonly value: T } | { readonly error: unknown };

/** A value that follows the store while somebody listens. */
export class Cell<T> {
  private readonly source: CellSource<T>;
  private readonly listeners = new Set<() => void>();
  private seen: Seen<T> | null = null;
  private stopWatching: (() => void) | null = null;

  constructor(source: CellSource<T>) {
    this.source = source;
  }

  /** The value as it was when it was last read; read now where nobody has looked yet. */
  readonly get = (): T => {
    this.seen ??= this.look();
    if ('error' in this.seen) throw this.seen.error;
    return this.seen.value;
  };

  /** Listens. What changed between the first look and this is seen by the next look. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // wrapped, so that a listener that is added twice is two
    const entry = () => listener();
    this.listeners.add(entry);
    if (this.stopWatching === null) {
      this.stopWatching = this.source.watch(this.refresh);
      this.refresh();
    }
    return () => {
      this.listeners.delete(entry);
      if (this.listeners.size > 0) return;
      this.stopWatching?.();
      this.stopWatching = null;
      // nobody tells of changes any more
      this.seen = null;
    };
  };

  /** Reads again, and tells who listens if the value is another one. */
  readonly refresh = (): void => {
    if (this.stopWatching === null) {
      this.seen = null;
      return;
    }
    const before = this.seen;
    const now = this.look();
    if (before !== null && same(before, now)) return;
    this.seen = now;
    tell(this.listeners);
  };

  private look(): Seen<T> {
    try {
      return { value: this.source.read() };
    } catch (error) {
      return { error };
    }
  }
}

function same<T>(a: Seen<T>, b: Seen<T>): boolean {
  return 'value' in a && 'value' in b && Object.is(a.value, b.value);
}
