/**
 * Records that a server knows by other columns than their id, in memory: the server keeps the id that it
 * met first, and that is taken over here. The core's rules.
 */
import type { Counts, Exchange } from './exchange.ts';
import type { Record_ } from './filter.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import type { PulledInto } from './records.ts';
import type { TableData } from './schema-data.ts';
import { hasSameKey } from './schema-data.ts';
import type { Cell } from './values.ts';

/** Which record it is, and when it was changed. */
export const STORES_OWN = ['id', 'created_at', 'updated_at', 'last_modified', 'server_created_at'];

/** The id by which a pulled record is merged: the peer's, or ours where the peer does not say which counts. */
export function meetKey(
  parts: Exchange,
  store: PulledInto,
  table: TableData,
  id: string,
  remote: Record_,
  report: Counts
): string {
  const { records, lastWord } = parts;
  // what was deleted here is no other's; what was given after it would be deleted with it
  if (records.outbox.find(table.name, id)?.kind === 'deleted') return id;
  const pulled = { ...remote, id };
  const ours = records.all(table.name).find((row) => hasSameKey(table, row, pulled));
  if (ours === undefined) return id;
  const from = String(ours['id']);
  if (!lastWord) {
    // it may have a record of either id; which one counts, the one with the last word says
    if (records.find(table.name, id) !== null) return id;
    const entry = records.outbox.find(table.name, from);
    if (entry?.kind === 'created') {
      const { base } = asEdit(table, entry, ours, remote);
      records.outbox.put({ ...entry, base: { ...base, ...entry.base } });
    }
    return from;
  }
  adopt(parts, store, table, ours, id, remote);
  report.adopted++;
  return id;
}

/** Gives a record the id that the peer has for it; what refers to it, and what waits of it, follow. */
function adopt(
  { records, ledger, origins, sent, absent, links }: Exchange,
  store: PulledInto,
  table: TableData,
  ours: Record_,
  to: string,
  remote: Record_
): void {
  const from = String(ours['id']);
  const [fromKey, toKey] = [keyOf(table.name, from), keyOf(table.name, to)];
  const stored = records.find(table.name, to);
  const waits = records.outbox.find(table.name, from);
  const entry = waits && asEdit(table, waits, ours, { ...stored, ...remote });
  const edited = Object.fromEntries(
    Object.keys(entry?.base ?? {}).map((name) => [name, ours[name] ?? null])
  );
  store.remove(table.name, from);
  store.write(table.name, to, { ...(stored ?? ours), ...edited, id: to });
  records.outbox.remove(table.name, from);
  if (entry !== undefined && Object.keys(entry.base).length > 0) {
    records.outbox.put({ ...entry, id: to });
  }
  for (const link of links) {
    link.marks.forget(table.name, from);
    link.quarantine.forget(table.name, from);
  }
  const note = sent.get(fromKey);
  sent.delete(fromKey);
  if (note !== undefined) sent.set(toKey, { ...note, entry: { ...note.entry, id: to } });
  ledger.rename(table.name, from, to);
  absent.delete(fromKey);
  if (waits === undefined && stored === null) origins.rename(fromKey, toKey);
  else origins.forget(fromKey);
  for (const other of records.schema.tables) {
    for (const { name } of other.columns.filter(({ ref }) => ref === table.name)) {
      for (const row of records.all(other.name).filter((one) => one[name] === from)) {
        const cells = { ...row, [name]: to } as Record<string, Cell>;
        store.write(other.name, String(row['id']), cells);
      }
    }
  }
}

/** What was made here is an edit of the peer's record: of the columns in which it has something else. */
function asEdit(table: TableData, entry: Pending, ours: Record_, theirs: Record_): Pending {
  if (entry.kind !== 'created') return entry;
  const put = table.columns.filter(
    ({ name, hidden }) =>
      hidden !== true &&
      !STORES_OWN.includes(name) &&
      // what was emptied here is empty for the peer's record too
      ((ours[name] ?? null) !== null || entry.base[name] !== undefined) &&
      (theirs[name] ?? null) !== (ours[name] ?? null)
  );
  return {
    ...entry,
    kind: 'updated',
    base: Object.fromEntries(put.map(({ name }) => [name, entry.base[name] ?? null])),
  };
}
