/** A cloud in memory: takes what is pushed, gives what a test put there, fails when a test says so. */
import type { SyncReport } from '../NativeAmana.ts';
import type { Record_ } from './filter.ts';
import type { MemoryRecords } from './records.ts';

/** What a mock vault syncs with. */
export class MemoryCloud {
  private readonly tables = new Map<string, Map<string, Record_>>();
  private readonly deleted: { table: string; id: string }[] = [];

  /** The rows that the cloud holds. */
  rows(table: string): readonly Record_[] {
    return [...(this.tables.get(table)?.values() ?? [])];
  }

  /** Puts a whole row there, as if another tablet had pushed it. */
  put(table: string, row: Record_ & { readonly id: string }): void {
    const rows = this.tables.get(table) ?? new Map<string, Record_>();
    this.tables.set(table, rows.set(row.id, row));
  }

  /** Deletes a row there. */
  delete(table: string, id: string): void {
    this.tables.get(table)?.delete(id);
    this.deleted.push({ table, id });
  }

  clear(): void {
    this.tables.clear();
    this.deleted.length = 0;
  }

  /** @internal One sync: pull, then push. */
  exchange(records: MemoryRecords): SyncReport {
    const changes = [
      ...[...this.tables].flatMap(([table, rows]) =>
        [...rows].map(([id, row]) => ({ table, id, row }))
      ),
      ...this.deleted.map(({ table, id }) => ({ table, id, row: null })),
    ];
    const applied = records.applyFromPeer(changes);
    const counts = { pushed: 0, pushedDeletions: 0 };
    for (const { table, id, kind } of records.pending.values()) {
      if (kind === 'deleted') {
        this.delete(table, id);
        counts.pushedDeletions++;
      } else {
        const row = records.find(table, id);
        if (row !== null) this.put(table, row as Record_ & { id: string });
        counts.pushed++;
      }
    }
    records.pending.clear();
    return {
      peer: 'cloud',
      pulled: changes.filter((change) => change.row !== null).length,
      pulledDeletions: this.deleted.length,
      bytes: 0,
      inserted: applied,
      updated: 0,
      unchanged: changes.length - applied,
      deleted: 0,
      conflicts: 0,
      lostEdits: 0,
      notKept: 0,
      adopted: 0,
      gone: 0,
      absent: 0,
      refused: 0,
      unreadable: 0,
      ...counts,
      quarantined: 0,
      waiting: 0,
      requests: 2,
    };
  }
}
