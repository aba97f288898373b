/** What waits for the peer with the last word, in memory: the core's rules of its outbox. */
import type { Record_ } from './filter.ts';
import type { Cell } from './values.ts';

/** A local change that the peer with the last word has not taken. Never changed: another one takes its place. */
export interface Pending {
  readonly table: string;
  readonly id: string;
  readonly kind: 'created' | 'updated' | 'deleted';
  /** Of the newest change: who acknowledges an older one acknowledges nothing. */
  readonly revision: number;
  /** Of an edit, what changed columns held before; of a deletion, what was deleted. */
  readonly base: Readonly<Record<string, Cell>>;
  /** For a deletion that goes with another one: the key of that. */
  readonly under: string | null;
}

export const keyOf = (table: string, id: string): string => `${table}/${id}`;

export class MemoryOutbox {
  private entries = new Map<string, Pending>();

  find(table: string, id: string): Pending | undefined {
    return this.entries.get(keyOf(table, id));
  }

  all(): readonly Pending[] {
    return [...this.entries.values()];
  }

  /** What is counted, and sent: a deletion that goes with another one is neither. */
  roots(): readonly Pending[] {
    return this.all().filter((entry) => entry.under === null);
  }

  /** A new record; `base` is what the peer has in its place, if anything. */
  created(
    table: string,
    id: string,
    revision: number,
    base: Readonly<Record<string, Cell>> = {}
  ): void {
    this.put({ table, id, kind: 'created', revision, base, under: null });
  }

  /** An edit of these columns; `before` is the record as it was. */
  edited(table: string, id: string, revision: number, before: Record_, columns: string[]): void {
    const known = this.find(table, id);
    const held = Object.fromEntries(columns.map((name) => [name, before[name] ?? null]));
    const base = { ...held, ...known?.base };
    this.put({ table, id, kind: known?.kind ?? 'updated', revision, base, under: null });
  }

  deleted(
    table: string,
    id: string,
    revision: number,
    base: Readonly<Record<string, Cell>>,
    under: string | null
  ): void {
    this.put({ table, id, kind: 'deleted', revision, base, under });
  }

  /** The deletions that went with one. */
  takenAlong(table: string, id: string): readonly Pending[] {
    return this.all().filter(({ under }) => under === keyOf(table, id));
  }

  put(entry: Pending): void {
    this.entries.set(keyOf(entry.table, entry.id), entry);
  }

  /** Takes an entry out; a deletion with those that went with it. */
  remove(table: string, id: string): void {
    const key = keyOf(table, id);
    this.entries.delete(key);
    for (const [other, { under }] of this.entries) if (under === key) this.entries.delete(other);
  }

  /** Takes a deletion out; those that went with it are announced by themselves. */
  removeRoot(table: string, id: string): void {
    for (const entry of this.takenAlong(table, id)) this.put({ ...entry, under: null });
    this.remove(table, id);
  }

  /** As it is, to be put back. */
  snapshot(): () => void {
    const entries = new Map(this.entries);
    return () => {
      this.entries = entries;
    };
  }
}
