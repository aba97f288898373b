/** A cloud in memory: takes what is pushed, gives what a test put there, refuses what a test says. */
import type { Record_ } from './filter.ts';
import type { SchemaData } from './schema-data.ts';

/** Which records a test has the cloud refuse: one by its id, or those of which this holds. */
export type RefusedRecord = string | ((row: Record_) => boolean);

/** What the core says where a server refuses a record. */
const REFUSED = 'the peer refuses this record';

/** What a mock vault syncs with. */
export class MemoryCloud {
  private readonly tables = new Map<string, Map<string, Record_>>();
  private readonly deleted = new Map<string, { readonly table: string; readonly id: string }>();
  private readonly refusals = new Set<{
    readonly table: string;
    readonly which: RefusedRecord;
    readonly reason: string;
  }>();

  /** The rows that the cloud holds. */
  rows(table: string): readonly Record_[] {
    return [...(this.tables.get(table)?.values() ?? [])];
  }

  /** Puts a row there, as if another tablet had pushed it. Columns that it lacks are left alone. */
  put(table: string, row: Record_ & { readonly id: string }): void {
    const rows = this.tables.get(table) ?? new Map<string, Record_>();
    this.tables.set(table, rows.set(row.id, row));
    this.deleted.delete(`${table}/${row.id}`);
  }

  /** Deletes a row there; the next sync deletes its children, too, as a server does. */
  delete(table: string, id: string): void {
    this.tables.get(table)?.delete(id);
    this.deleted.set(`${table}/${id}`, { table, id });
  }

  /**
   * Refuses to take records of a table, until the returned function is called. A record that is refused
   * in a sync in which another one is taken is put into quarantine; alone, the sync fails with `server`,
   * until it has done so twice, a minute apart. `reason` is what the quarantine says; the core's own text
   * where it is left out.
   */
  refuse(table: string, which: RefusedRecord, reason = REFUSED): () => void {
    const refusal = { table, which, reason };
    this.refusals.add(refusal);
    return () => void this.refusals.delete(refusal);
  }

  /** Forgets everything: rows, deletions, what it refuses. */
  clear(): void {
    this.tables.clear();
    this.deleted.clear();
    this.refusals.clear();
  }

  /** @internal Everything that it has to say of a table, deletions as null. */
  changes(table: string): { readonly id: string; readonly row: Record_ | null }[] {
    const rows = [...(this.tables.get(table) ?? [])].map(([id, row]) => ({ id, row }));
    const gone = [...this.deleted.values()].filter((deletion) => deletion.table === table);
    return [...rows, ...gone.map(({ id }) => ({ id, row: null }))];
  }

  /** @internal Deletes the children of what was deleted. */
  cascade(schema: SchemaData): void {
    const below = new Map(schema.tables.map(({ name, children }) => [name, children ?? []]));
    // what is added to a map while it is gone through is gone through, too
    for (const { table, id } of this.deleted.values()) {
      for (const child of below.get(table) ?? []) {
        const rows = this.rows(child.table).filter((row) => row[child.column] === id);
        for (const row of rows) this.delete(child.table, String(row['id']));
      }
    }
  }

  /** @internal Why it refuses a record, or the deletion of one (a null row); null where it takes it. */
  refusal(table: string, id: string, row: Record_ | null): string | null {
    for (const { table: refused, which, reason } of this.refusals) {
      const meets = typeof which === 'string' ? which === id : row !== null && which(row);
      if (refused === table && meets) return reason;
    }
    return null;
  }
}
