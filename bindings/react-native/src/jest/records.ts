/** Records in memory: checked, changed and found as the core does; what is changed waits for a sync. */
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';
import { parseQuery } from './filter.ts';
import { included } from './include.ts';
import type { SchemaData, TableData } from './schema-data.ts';
import { requireColumn, requireTable } from './schema-data.ts';
import type { Cell } from './values.ts';
import { defaultValue, parseValue, recordId, uuid } from './values.ts';

export interface Touched {
  readonly table: string;
  readonly ids: string[];
}

/** A local change that the cloud has not taken. */
export interface Pending {
  readonly table: string;
  readonly id: string;
  kind: 'created' | 'updated' | 'deleted';
}

type Rows = Map<string, Record<string, Cell>>;
const STORE_SETS = ['updated_at', 'is_deleted', 'deleted_at'];

export class MemoryRecords {
  readonly schema: SchemaData;
  readonly pending = new Map<string, Pending>();
  revision = 0;
  private readonly now: () => number;
  private readonly changed: (touched: Touched[], fromPeer: boolean) => void;
  private tables = new Map<string, Rows>();
  private made = 0;

  constructor(
    schema: SchemaData,
    now: () => number,
    changed: (touched: Touched[], fromPeer: boolean) => void
  ) {
    this.schema = schema;
    this.now = now;
    this.changed = changed;
  }

  find(tableName: string, id: string): Record_ | null {
    requireTable(this.schema, tableName);
    const wanted = recordId(id);
    return wanted === null ? null : (this.rows(tableName).get(wanted) ?? null);
  }

  /** What an app sees of a record: hidden columns are not in it. */
  shown(tableName: string, id: string): Record_ | null {
    const row = this.find(tableName, id);
    if (row === null) return null;
    const { columns } = requireTable(this.schema, tableName);
    const seen = columns.filter((c) => c.hidden !== true).map((c) => [c.name, row[c.name] ?? null]);
    return Object.fromEntries(seen) as Record_;
  }

  /** All or none: what fails half way leaves the rows of before. */
  apply(operations: readonly unknown[]): string[] {
    if (operations.length > 10_000) {
      throw failure('invalid_input', 'a batch has at most 10000 operations');
    }
    const before = new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]));
    const pendingBefore = new Map(this.pending);
    const touched = new Map<string, Set<string>>();
    const touch = (table: string, id: string) => {
      const ids = touched.get(table) ?? new Set<string>();
      touched.set(table, ids.add(id));
    };
    try {
      const ids = operations.map((operation) => this.applyOne(operation, touch));
      if (touched.size > 0) this.notify(touched, false);
      return ids;
    } catch (error) {
      this.tables = before;
      this.pending.clear();
      for (const [key, entry] of pendingBefore) this.pending.set(key, entry);
      throw error;
    }
  }

  /** A page as the core writes it. */
  page(tableName: string, text: string): string {
    const table = requireTable(this.schema, tableName);
    const query = parseQuery(this.schema, table, text);
    const columns = table.columns.filter((c) => c.hidden !== true).map((c) => c.name);
    const found = [...this.rows(tableName).values()].filter(query.test).sort(query.compare);
    const end = query.offset + query.limit;
    const page = found.slice(query.offset, end);
    const rows = page.map((row) => columns.map((column) => row[column] ?? null));
    const related = included(query.include, page, (name) => this.all(name));
    return JSON.stringify({
      columns,
      rows,
      next_offset: found.length > end ? end : null,
      ...(related.length > 0 ? { included: related } : {}),
    });
  }

  count(tableName: string, text: string): number {
    const query = parseQuery(this.schema, requireTable(this.schema, tableName), text);
    return [...this.rows(tableName).values()].filter(query.test).length;
  }

  all(tableName: string): Record_[] {
    return [...this.rows(tableName).values()];
  }

  /** What a pull brought: written as it is, unless it waits to be pushed itself. */
  applyFromPeer(changes: readonly { table: string; id: string; row: Record_ | null }[]): number {
    const touched = new Map<string, Set<string>>();
    for (const { table, id, row } of changes) {
      if (this.pending.has(`${table}/${id}`)) continue;
      const rows = this.rows(table);
      const before = rows.get(id);
      if (row === null ? before === undefined : JSON.stringify(before) === JSON.stringify(row)) {
        continue;
      }
      if (row === null) rows.delete(id);
      else rows.set(id, { ...row });
      touched.set(table, (touched.get(table) ?? new Set<string>()).add(id));
    }
    if (touched.size > 0) this.notify(touched, true);
    return [...touched.values()].reduce((sum, ids) => sum + ids.size, 0);
  }

  private applyOne(operation: unknown, touch: (table: string, id: string) => void): string {
    const given = operation as { op?: string; table?: string; id?: string; fields?: unknown };
    if (!['insert', 'update', 'delete'].includes(given?.op ?? '')) {
      throw failure('invalid_input', 'a batch is a list of operations');
    }
    const table = requireTable(this.schema, given.table ?? '');
    const fields = given.op === 'delete' ? {} : this.fieldsOf(table, given.fields);
    if (table.direction === 'pull') {
      throw failure('permission_denied', 'only the server writes this table', { at: table.name });
    }
    if (given.op === 'insert') return this.insert(table, fields, touch);
    if ('id' in fields) {
      throw failure('invalid_input', 'the id of a record does not change', { at: table.name });
    }
    const id = recordId(given.id);
    const row = id === null ? undefined : this.rows(table.name).get(id);
    if (id === null || row === undefined) {
      throw failure('not_found', 'there is no such record', { at: table.name });
    }
    if (given.op === 'delete') this.bury(table, id, touch);
    else this.update(table, id, row, fields, touch);
    return id;
  }

  private fieldsOf(table: TableData, json: unknown): Record<string, Cell> {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw failure('invalid_input', 'a JSON object of columns is expected');
    }
    const out: Record<string, Cell> = {};
    for (const [name, value] of Object.entries(json)) {
      const column = requireColumn(table, name);
      const at = `${table.name}.${name}`;
      if (column.role === 'id') {
        const id = uuid(value);
        if (id === null) throw failure('invalid_input', 'the id is not a UUID', { at });
        out[name] = id;
        continue;
      }
      out[name] = parseValue(table, column, value);
      if (table.direction === 'both' && STORE_SETS.includes(name)) {
        throw failure('invalid_input', 'only the store sets this column', { at });
      }
    }
    return out;
  }

  private insert(
    table: TableData,
    fields: Record<string, Cell>,
    touch: (table: string, id: string) => void
  ): string {
    const id = (fields['id'] as string | undefined) ?? this.makeId();
    if (this.rows(table.name).has(id) || this.pending.has(`${table.name}/${id}`)) {
      throw failure('invalid_input', 'a record with this id exists already', { at: table.name });
    }
    const row: Record<string, Cell> = {};
    for (const column of table.columns) {
      const given = column.name === 'id' ? id : fields[column.name];
      // null is a value: only what is not named has a default
      const value = given === undefined ? defaultValue(column, this.now()) : given;
      if (value === undefined) {
        const at = `${table.name}.${column.name}`;
        throw failure('invalid_input', 'this column needs a value', { at });
      }
      row[column.name] = value;
    }
    this.rows(table.name).set(id, row);
    this.wait(table, id, 'created');
    touch(table.name, id);
    return id;
  }

  private update(
    table: TableData,
    id: string,
    row: Record<string, Cell>,
    fields: Record<string, Cell>,
    touch: (table: string, id: string) => void
  ): void {
    if (Object.entries(fields).every(([name, value]) => row[name] === value)) return;
    const next = { ...row, ...fields };
    if ('updated_at' in next) {
      next['updated_at'] = Math.max(this.now(), Number(row['updated_at'] ?? 0) + 1);
    }
    this.rows(table.name).set(id, next);
    this.wait(table, id, 'updated');
    touch(table.name, id);
  }

  private bury(table: TableData, id: string, touch: (table: string, id: string) => void): void {
    this.rows(table.name).delete(id);
    this.wait(table, id, 'deleted');
    touch(table.name, id);
    for (const child of table.children ?? []) {
      const below = requireTable(this.schema, child.table);
      for (const row of this.all(child.table)) {
        if (row[child.column] === id) this.bury(below, String(row['id']), touch);
      }
    }
  }

  private wait(table: TableData, id: string, kind: Pending['kind']): void {
    this.revision++;
    if (table.direction !== 'both') return;
    const key = `${table.name}/${id}`;
    const before = this.pending.get(key);
    const merged = before?.kind === 'created' && kind === 'updated' ? 'created' : kind;
    this.pending.set(key, { table: table.name, id, kind: merged });
  }

  private notify(touched: Map<string, Set<string>>, fromPeer: boolean): void {
    const tables = [...touched].map(([table, ids]) => ({ table, ids: [...ids] }));
    this.changed(tables, fromPeer);
  }

  private rows(table: string): Rows {
    const known = this.tables.get(table) ?? new Map<string, Record<string, Cell>>();
    this.tables.set(table, known);
    return known;
  }

  /** A UUID of version 7 that is the same in each run. */
  private makeId(): string {
    const time = this.now().toString(16).padStart(12, '0').slice(-12);
    const count = (++this.made).toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count}`;
  }
}
