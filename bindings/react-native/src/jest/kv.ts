/** The key–value store in memory, with the core's limits. */
import { failure } from './failure.ts';
import { bytewise } from './filter.ts';
import { fromBase64 } from '../text.ts';

interface Kept {
  readonly value: string;
  readonly expiresAt: number | null;
}
type Space = Map<string, Kept>;

export interface KvEntry {
  readonly key: string;
  readonly value: string;
  readonly expiresInMs?: number | null;
}

const MAX_VALUE_BYTES = 16 * 1024 * 1024;

export class MemoryKv {
  private readonly now: () => number;
  private readonly changed: (space: string, keys: string[] | null) => void;
  private readonly spaces = new Map<string, Space>();

  constructor(now: () => number, changed: (space: string, keys: string[] | null) => void) {
    this.now = now;
    this.changed = changed;
  }

  get(space: string, key: string): string | null {
    const kept = this.space(space).get(checkKey(key));
    return kept === undefined || this.isExpired(kept) ? null : kept.value;
  }

  multiGet(space: string, keys: readonly string[]): (string | null)[] {
    if (keys.length > 10_000) throw failure('invalid_input', 'a call takes at most 10000 keys');
    return keys.map((key) => this.get(space, key));
  }

  keys(space: string, prefix: string, after: string | null, limit: number) {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw failure('invalid_input', 'limit is from 1 to 1000');
    }
    const all = [...this.space(space)]
      .filter(([key, kept]) => key.startsWith(prefix) && !this.isExpired(kept))
      .map(([key]) => key)
      .filter((key) => after === null || bytewise(key, after) > 0)
      .sort(bytewise);
    const keys = all.slice(0, limit);
    return { keys, next: all.length > limit ? (keys.at(-1) ?? null) : null };
  }

  set(space: string, entries: readonly KvEntry[]): void {
    if (entries.length > 10_000) throw failure('invalid_input', 'a call takes at most 10000 keys');
    const checked = entries.map((entry): [string, Kept] => [
      checkKey(entry.key),
      { value: checkValue(entry.value), expiresAt: this.expiry(entry.expiresInMs) },
    ]);
    const target = this.space(space);
    for (const [key, kept] of checked) target.set(key, kept);
    if (checked.length > 0)
      this.changed(
        space,
        checked.map(([key]) => key)
      );
  }

  remove(space: string, keys: readonly string[]): number {
    const target = this.space(space);
    const gone = keys.filter((key) => {
      const kept = target.get(checkKey(key));
      target.delete(key);
      return kept !== undefined && !this.isExpired(kept);
    });
    if (gone.length > 0) this.changed(space, gone);
    return gone.length;
  }

  clear(space: string): number {
    const target = this.space(space);
    const count = [...target.values()].filter((kept) => !this.isExpired(kept)).length;
    target.clear();
    if (count > 0) this.changed(space, null);
    return count;
  }

  compareAndSet(
    space: string,
    entry: { key: string; expected: string | null; next: string | null; expiresInMs: number | null }
  ): boolean {
    if (this.get(space, entry.key) !== entry.expected) return false;
    if (entry.next === null) this.remove(space, [entry.key]);
    else this.set(space, [{ key: entry.key, value: entry.next, expiresInMs: entry.expiresInMs }]);
    return true;
  }

  /** What a lock does: the session's values are gone. */
  forgetSession(): void {
    for (const name of [...this.spaces.keys()]) {
      if (name.startsWith('session:')) this.spaces.delete(name);
    }
  }

  private space(name: string): Space {
    const short = /^(stored|session):(.+)$/su.exec(name)?.[2];
    if (short === undefined || short.length > 128 || short.includes('\0')) {
      throw failure(
        'invalid_input',
        'a namespace is 1 to 128 bytes long and has no null character'
      );
    }
    const known = this.spaces.get(name) ?? new Map<string, Kept>();
    this.spaces.set(name, known);
    return known;
  }

  private expiry(expiresInMs: number | null | undefined): number | null {
    if (expiresInMs === null || expiresInMs === undefined) return null;
    if (!Number.isSafeInteger(expiresInMs) || expiresInMs < 1) {
      throw failure('invalid_input', 'a value cannot expire at once');
    }
    return this.now() + expiresInMs;
  }

  private isExpired(kept: Kept): boolean {
    return kept.expiresAt !== null && kept.expiresAt <= this.now();
  }
}

function checkKey(key: string): string {
  if (typeof key !== 'string' || key === '' || key.length > 1024 || key.includes('\0')) {
    throw failure('invalid_input', 'a key is 1 to 1024 bytes long and has no null character');
  }
  return key;
}

function checkValue(value: string): string {
  const isBytes = typeof value === 'string' && value.startsWith('b');
  if (typeof value !== 'string' || !(value.startsWith('t') || isBytes)) {
    throw failure('invalid_input', 'a value is tagged text');
  }
  if (isBytes && fromBase64(value.slice(1)) === null) {
    throw failure('invalid_input', 'bytes are base64');
  }
  if (value.length - 1 > (isBytes ? MAX_VALUE_BYTES * (4 / 3) + 3 : MAX_VALUE_BYTES)) {
    throw failure('value_too_large', 'a value is at most 16 MiB large');
  }
  return value;
}
