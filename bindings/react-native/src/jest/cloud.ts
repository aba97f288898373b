/** A cloud in memory: deletes the children of what is deleted, and knows some records by other columns. */
import type { Record_ } from './filter.ts';
import { MemoryPeer } from './peer-store.ts';
import type { SchemaData, TableData } from './schema-data.ts';
import { hasSameKey } from './schema-data.ts';

/** The cloud that a mock vault syncs with. */
export class MemoryCloud extends MemoryPeer {
  /** @internal */
  readonly peer = 'cloud';

  /** @internal A record whose key it knows by another id stays under that id, as at a server. */
  override take(table: TableData, row: Record_ & { readonly id: string }): void {
    const known = this.rows(table.name).find((one) => hasSameKey(table, one, row));
    super.take(table, known === undefined ? row : { ...row, id: String(known['id']) });
  }

  /** @internal Deletes the children of what was deleted. */
  override settle(schema: SchemaData): void {
    const gone = schema.tables.flatMap((table) =>
      this.changes(table.name).flatMap(({ id, row }) => (row === null ? [{ table, id }] : []))
    );
    // what is added to a list while it is gone through is gone through, too
    for (const { table, id } of gone) {
      for (const child of table.children ?? []) {
        const below = schema.tables.find(({ name }) => name === child.table);
        const rows = this.rows(child.table).filter((row) => row[child.column] === id);
        for (const row of rows) {
          this.delete(child.table, String(row['id']));
          if (below !== undefined) gone.push({ table: below, id: String(row['id']) });
        }
      }
    }
  }
}
