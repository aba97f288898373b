/** What a pull tells by what it does not hold, in memory: the core's rules. */
import type { Counts, Exchange } from './exchange.ts';
import { keyOf } from './outbox.ts';
import type { TableData } from './schema-data.ts';

/** Records that the peer took, and that are not among what changed at it since: it dropped them. */
export function notComeBack(parts: Exchange, report: Counts, full: boolean): void {
  const { records, ledger, link, sent, absent, now } = parts;
  for (const table of records.schema.tables) {
    if (table.direction !== 'both') continue;
    for (const [key, { peer, entry }] of sent) {
      if (peer !== link.peer || entry.table !== table.name) continue;
      if (entry.kind === 'updated' && table.updates_announced === false && !full) continue;
      sent.delete(key);
      const stored = records.find(table.name, entry.id);
      if (stored === null) continue;
      // until it comes after all, the app is told that nobody else has it
      absent.set(key, absent.get(key) ?? now());
      ledger.notShown(peer, table, stored, entry);
      report.notKept++;
    }
  }
}

/**
 * Records that a cloud's pull of everything did not hold are gone in tables that its history limit leaves
 * whole. In all others they may just be old: they are kept and marked.
 */
export function sweep(
  { records, absent, now }: Exchange,
  seen: ReadonlySet<string>,
  report: Counts,
  remove: (table: TableData, id: string) => boolean
): void {
  for (const table of records.schema.tables) {
    if (table.direction === 'local' || table.own_rows_only !== undefined) continue;
    for (const row of records.all(table.name)) {
      const id = String(row['id']);
      const key = keyOf(table.name, id);
      if (seen.has(key) || records.outbox.find(table.name, id) !== undefined) continue;
      if (table.whole_history === true) {
        if (remove(table, id)) report.gone++;
      } else if (!absent.has(key)) {
        absent.set(key, now());
        report.absent++;
      }
    }
  }
}
