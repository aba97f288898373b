/** Records in memory: checked, changed and found as the core does; what is changed waits in the outbox. */
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';
import { parseQuery } from './filter.ts';
import { giveAgain, remembered } from './given-again.ts';
import { included } from './include.ts';
import type { Pending } from './outbox.ts';
import { keyOf, MemoryOutbox } from './outbox.ts';
import type { SchemaData, TableData } from './schema-data.ts';
import { hasSameKey, requireColumn, requireTable } from './schema-data.ts';
import type { Cell } from './values.ts';
import { defaultValue, parseValue, recordId, uuid } from './values.ts';

export interface Touched {
  readonly table: string;
  readonly ids: string[];
}

/** Who hears of what happens to records. */
export interface RecordEvents {
  changed(touched: Touched[], fromPeer: boolean): void;
  /** Once for each record that waited already when it was edited. */
  editedAgain(table: string, id: string): void;
  /** Once for each record that was deleted here, children included. */
  deleted(table: string, id: string): void;
  /** Whether any peer has taken what waits. */
  isTaken(entry: Pending): boolean;
}

type Touch = (table: string, id: string) => void;

/** Where a pull writes. */
export interface PulledInto {
  write(table: string, id: string, row: Record<string, Cell>): void;
  /** Whether there was one. */
  remove(table: string, id: string): boolean;
}

type Rows = Map<string, Record<string, Cell>>;
const STORE_SETS = ['updated_at', 'is_deleted', 'deleted_at'];

export class MemoryRecords {
  readonly schema: SchemaData;
  readonly outbox = new MemoryOutbox();
  revision = 0;
  private readonly now: () => number;
  private readonly events: RecordEvents;
  private tables = new Map<string, Rows>();
  private readonly editedAgain: [table: string, id: string][] = [];
  private readonly buried: [table: string, id: string][] = [];
  private made = 0;

  constructor(schema: SchemaData, now: () => number, events: RecordEvents) {
    this.schema = schema;
    this.now = now;
    this.events = events;
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
    return this.local((touch) => operations.map((operation) => this.applyOne(operation, touch)));
  }

  /** An edit by values that were in this record before, checked by nobody. */
  change(table: TableData, id: string, cells: Record_): void {
    const row = this.rows(table.name).get(id);
    if (row !== undefined) this.local((touch) => this.update(table, id, row, cells, touch));
  }

  /** A record that a peer took and does not have is sent once more, also where nothing changes. */
  sendAgain(table: TableData, id: string, cells: Record_, base: Record_): void {
    const row = this.rows(table.name).get(id);
    if (row === undefined) return;
    this.local((touch) => {
      const known = this.outbox.find(table.name, id);
      const time = Math.max(this.now(), Number(row['updated_at'] ?? 0) + 1);
      const stamp: Record<string, Cell> = 'updated_at' in row ? { updated_at: time } : {};
      this.rows(table.name).set(id, { ...row, ...(cells as Record<string, Cell>), ...stamp });
      const changed = Object.keys(cells).filter((name) => row[name] !== cells[name]);
      const held = Object.fromEntries(changed.map((name) => [name, row[name] ?? null]));
      this.outbox.put({
        table: table.name,
        id,
        kind: known?.kind ?? (Object.keys(base).length === 0 ? 'created' : 'updated'),
        revision: ++this.revision,
        base: { ...held, ...(base as Record<string, Cell>), ...known?.base },
        under: null,
      });
      touch(table.name, id);
      if (known !== undefined) this.editedAgain.push([table.name, id]);
    });
  }

  /** A record of values that were in one before. One that the cloud knows is an edit of all that it has. */
  bringBack(table: TableData, id: string | null, cells: Record_): string {
    return this.local((touch) => {
      const known = id !== null;
      if (known) this.outbox.remove(table.name, id);
      const back = this.insert(table, known ? { ...cells, id } : cells, touch);
      const entry = this.outbox.find(table.name, back);
      if (known && entry !== undefined) this.outbox.put({ ...entry, kind: 'updated' });
      return back;
    });
  }

  private local<T>(work: (touch: Touch) => T): T {
    const before = new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]));
    const putBack = this.outbox.snapshot();
    const touched = new Map<string, Set<string>>();
    this.editedAgain.length = this.buried.length = 0;
    try {
      const result = work(touchIn(touched));
      for (const [table, id] of this.editedAgain) this.events.editedAgain(table, id);
      for (const [table, id] of this.buried) this.events.deleted(table, id);
      if (touched.size > 0) this.notify(touched, false);
      return result;
    } catch (error) {
      this.tables = before;
      putBack();
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

  /** Whether nothing is stored that a peer could have. */
  isEmpty(): boolean {
    const synced = this.schema.tables.filter(({ direction }) => direction !== 'local');
    return synced.every(({ name }) => this.rows(name).size === 0);
  }

  all(tableName: string): Record_[] {
    return [...this.rows(tableName).values()];
  }

  /** Writes what a pull brought, and tells of it once. */
  fromPeer(work: (store: PulledInto) => void): void {
    const touched = new Map<string, Set<string>>();
    const touch = touchIn(touched);
    work({
      write: (table, id, row) => {
        this.rows(table).set(id, row);
        touch(table, id);
      },
      remove: (table, id) => {
        if (!this.rows(table).delete(id)) return false;
        touch(table, id);
        return true;
      },
    });
    if (touched.size > 0) this.notify(touched, true);
  }

  /** The children of a record, by the tables that declare them. */
  childrenOf(table: TableData, id: string): { readonly table: TableData; readonly id: string }[] {
    return (table.children ?? []).flatMap((child) => {
      const below = requireTable(this.schema, child.table);
      const rows = this.all(child.table).filter((row) => row[child.column] === id);
      return rows.map((row) => ({ table: below, id: String(row['id']) }));
    });
  }

  private applyOne(operation: unknown, touch: Touch): string {
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
    if (given.op === 'delete') this.bury(table, row, null, touch);
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

  private insert(table: TableData, fields: Record<string, Cell>, touch: Touch): string {
    const chosen = fields['id'] as string | undefined;
    let id = chosen ?? this.makeId();
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
    this.checkKey(table, row);
    const isTaken = (entry: Pending) => this.events.isTaken(entry);
    const base = giveAgain(table, this.outbox, row, chosen !== undefined, isTaken);
    id = String(row['id']);
    if (this.rows(table.name).has(id) || this.outbox.find(table.name, id) !== undefined) {
      throw failure('invalid_input', 'a record with this id exists already', { at: table.name });
    }
    this.rows(table.name).set(id, row);
    this.revision++;
    if (table.direction === 'both') this.outbox.created(table.name, id, this.revision, base);
    touch(table.name, id);
    return id;
  }

  private update(
    table: TableData,
    id: string,
    row: Record<string, Cell>,
    fields: Record<string, Cell>,
    touch: Touch
  ): void {
    if (Object.entries(fields).every(([name, value]) => row[name] === value)) return;
    const next = { ...row, ...fields };
    const isKeys = (name: string) => table.natural_key?.includes(name) && row[name] !== next[name];
    if (Object.keys(fields).some(isKeys)) this.checkKey(table, next);
    if ('updated_at' in next) {
      next['updated_at'] = Math.max(this.now(), Number(row['updated_at'] ?? 0) + 1);
    }
    this.rows(table.name).set(id, next);
    this.revision++;
    touch(table.name, id);
    if (table.direction !== 'both') return;
    const changed = Object.keys(fields).filter((name) => row[name] !== fields[name]);
    const waited = this.outbox.find(table.name, id) !== undefined;
    this.outbox.edited(table.name, id, this.revision, row, changed);
    if (waited) this.editedAgain.push([table.name, id]);
  }

  /** What a server knows by other columns than its id is one on a device, too. */
  private checkKey(table: TableData, row: Record_): void {
    if (!this.all(table.name).some((other) => hasSameKey(table, other, row))) return;
    throw failure('invalid_input', 'a record with this key exists already', { at: table.name });
  }

  private bury(table: TableData, row: Record_, under: string | null, touch: Touch): void {
    const id = String(row['id']);
    const children = this.childrenOf(table, id);
    this.rows(table.name).delete(id);
    this.buried.push([table.name, id]);
    this.revision++;
    touch(table.name, id);
    if (table.direction === 'both') {
      // one that refers to another record than the cloud knows is not reached by the cloud's own cascade
      const entry = this.outbox.find(table.name, id);
      const moved = table.columns.some(
        ({ name, role }) => role === 'ref' && entry?.base[name] !== undefined
      );
      const base = remembered(table, row, entry);
      this.outbox.deleted(table.name, id, this.revision, base, moved ? null : under);
    }
    for (const child of children) {
      const below = this.rows(child.table.name).get(child.id);
      if (below !== undefined) this.bury(child.table, below, under ?? keyOf(table.name, id), touch);
    }
  }

  private notify(touched: Map<string, Set<string>>, fromPeer: boolean): void {
    const tables = [...touched].map(([table, ids]) => ({ table, ids: [...ids] }));
    this.events.changed(tables, fromPeer);
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

const touchIn =
  (touched: Map<string, Set<string>>): Touch =>
  (table, id) =>
    void touched.set(table, (touched.get(table) ?? new Set<string>()).add(id));
