/**
 * Records of a key that are given again while the deletion of the same one waits, in memory: edits of what
 * the peer has. The core's rules.
 */
import type { Record_ } from './filter.ts';
import { STORES_OWN } from './natural-key.ts';
import type { MemoryOutbox, Pending } from './outbox.ts';
import type { TableData } from './schema-data.ts';
import { hasSameKey } from './schema-data.ts';
import type { Cell } from './values.ts';

type Cells = Record<string, Cell>;

/** What a deletion remembers of a record: its version; where the table has a key all of it, as the peer has it. */
export function remembered(table: TableData, row: Record_, entry: Pending | undefined): Cells {
  if (table.natural_key === undefined) return { updated_at: row['updated_at'] ?? null };
  const edited = entry?.kind === 'updated' ? entry.base : {};
  return { ...(row as Cells), ...edited };
}

/**
 * Withdraws the deletions by a new record's key that nobody has taken. The row gets the id of the last one,
 * unless the app has chosen one; the result is what the peer has in its columns.
 */
export function giveAgain(
  table: TableData,
  outbox: MemoryOutbox,
  row: Cells,
  idIsChosen: boolean,
  isTaken: (entry: Pending) => boolean
): Cells {
  const waiting = outbox.roots().filter((entry) => {
    const isOne = entry.table === table.name && entry.kind === 'deleted' && !isTaken(entry);
    return isOne && hasSameKey(table, { ...entry.base, id: null }, row);
  });
  const last = waiting.toSorted((a, b) => a.revision - b.revision).at(-1);
  if (last === undefined) return {};
  for (const { id, base } of waiting) {
    outbox.removeRoot(table.name, id);
    if ('updated_at' in row) {
      row['updated_at'] = Math.max(Number(row['updated_at']), Number(base['updated_at'] ?? 0) + 1);
    }
  }
  if (!idIsChosen) row['id'] = last.id;
  const before: Cells = {};
  for (const { name, hidden } of table.columns) {
    const theirs = last.base[name] ?? null;
    if (hidden === true) row[name] = last.base[name] ?? row[name] ?? null;
    else if (!STORES_OWN.includes(name) && table.natural_key?.includes(name) !== true) {
      if (theirs !== null || (row[name] ?? null) !== null) before[name] = theirs;
    }
  }
  return before;
}
