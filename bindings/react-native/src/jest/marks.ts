/**
 * What a peer without the last word has taken of the outbox, in memory: the core's rules. An entry stays
 * until the peer with the last word has it; until then a mark says that another need not be sent it again,
 * and which values that other holds.
 */
import type { Record_ } from './filter.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import type { Cell } from './values.ts';

interface Mark {
  /** What it has taken; null: nothing, or it is to be sent again. */
  readonly revision: number | null;
  readonly base: Readonly<Record<string, Cell>>;
  /** Our values that were sent to it again after others had been in their place. */
  readonly sentAgain: Readonly<Record<string, Cell>>;
}

/** A column in which the peer holds our own value. */
export interface HeldColumn {
  /** What was there before our change. */
  readonly before: Cell;
  readonly sentAgain: boolean;
}

export type HeldColumns = ReadonlyMap<string, HeldColumn>;

export class MemoryMarks {
  private readonly marks = new Map<string, Mark>();

  hasTaken({ table, id, revision }: Pending): boolean {
    return this.marks.get(keyOf(table, id))?.revision === revision;
  }

  /** The peer has taken this revision: what it was sent is what it holds. */
  take(entry: Pending, row: Record_ | null): void {
    const columns = row === null ? [] : Object.keys(entry.base);
    const base = Object.fromEntries(columns.map((name) => [name, row?.[name] ?? null]));
    const key = keyOf(entry.table, entry.id);
    const sentAgain = this.marks.get(key)?.sentAgain ?? {};
    this.marks.set(key, { revision: entry.revision, base, sentAgain });
  }

  /** The entry has another revision now: the mark of a peer that has all of it goes along. */
  follow(entry: Pending, revision: number): void {
    const mark = this.marks.get(keyOf(entry.table, entry.id));
    if (mark?.revision !== entry.revision) return;
    this.marks.set(keyOf(entry.table, entry.id), { ...mark, revision });
  }

  /** An entry as it is for this peer: the bases are what the peer holds. */
  asSeen(
    entry: Pending,
    local: Record_ | null
  ): { readonly seen: Pending; readonly held: HeldColumns } {
    const mark = this.marks.get(keyOf(entry.table, entry.id));
    const held = new Map<string, HeldColumn>();
    if (mark === undefined) return { seen: entry, held };
    const base = Object.entries(entry.base).map(([name, before]): [string, Cell] => {
      const theirs = mark.base[name];
      if (theirs === undefined) return [name, before];
      const sentAgain = mark.sentAgain[name] === theirs;
      if ((local?.[name] ?? null) === theirs) held.set(name, { before, sentAgain });
      return [name, theirs];
    });
    return { seen: { ...entry, base: Object.fromEntries(base) }, held };
  }

  /** Notes what the peer holds in the entry's columns. What is not ours there is sent again. */
  noteSeen(entry: Pending, local: Record_, remote: Record_): void {
    const key = keyOf(entry.table, entry.id);
    const mark = this.marks.get(key);
    const columns = Object.entries(entry.base).map(([name, before]): [string, Cell] => {
      const theirs = [remote[name], mark?.base[name], before].find((cell) => cell !== undefined);
      return [name, theirs ?? null];
    });
    const isAllThere = columns.every(([name, value]) => (local[name] ?? null) === value);
    const revision = isAllThere ? (mark?.revision ?? null) : null;
    const isOurs = (name: string, value: Cell) => (local[name] ?? null) === value;
    const had = Object.entries(mark?.base ?? {}).filter(([name, value]) => isOurs(name, value));
    const isGone = (name: string) => columns.some((now) => now[0] === name && !isOurs(...now));
    const lost = had.filter(([name]) => isGone(name));
    const sentAgain = { ...mark?.sentAgain, ...Object.fromEntries(lost) };
    this.marks.set(key, { revision, base: Object.fromEntries(columns), sentAgain });
  }

  forget(table: string, id: string): void {
    this.marks.delete(keyOf(table, id));
  }
}
