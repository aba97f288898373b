/** Records of one table: writes, look-ups, queries in pages, and results that follow the store. */
import { checkFields, checkId, checkText, invalid, isPlainObject } from './check.ts';
import { Live } from './live.ts';
import type { ChangedTable } from './NativeAmana.ts';
import { call, listen, native } from './native.ts';
import type { ObserveHandlers } from './observe.ts';
import { observe } from './observe.ts';
import type { Page } from './page.ts';
import { PageReader } from './page.ts';
import type { Query, QueryInput } from './query.ts';
import { toQuery } from './query.ts';
import type { AnyLinks, Insert, Links, Row, TableName, Update } from './schema.ts';
import { readJsonReply } from './text.ts';

/** A table of an open vault. */
export class Table<S, T extends TableName<S>> {
  readonly name: T;
  private readonly handle: number;

  /** @internal */
  constructor(handle: number, name: T) {
    this.handle = handle;
    this.name = checkText(name, 'a table') as T;
  }

  /**
   * Makes a record and resolves to its id: the one given as `id` (a UUID), else a new one; for an attribute that
   * was deleted, of which no peer has heard yet, the id that it had.
   */
  async create(fields: Insert<S, T>): Promise<string> {
    const json = checkFields(fields, this.name);
    return call((module) => module.createRecord(this.handle, this.name, json));
  }

  /** Changes the columns that are named. `not_found` where there is no such record. */
  async update(id: string, fields: Update<S, T>): Promise<void> {
    checkId(id);
    const json = checkFields(fields, this.name);
    return call((module) => module.updateRecord(this.handle, this.name, id, json));
  }

  /** Deletes a record and its declared children. `not_found` where there is no such record. */
  async delete(id: string): Promise<void> {
    checkId(id);
    return call((module) => module.deleteRecord(this.handle, this.name, id));
  }

  /** A record, or null. */
  async find(id: string): Promise<Row<S, T> | null> {
    checkId(id);
    const text = await call((module) => module.findRecord(this.handle, this.name, id));
    return text === null ? null : (Object.freeze(JSON.parse(text)) as Row<S, T>);
  }

  /** A record, or null, at once: about as fast as a look-up in memory. Waits for no write. */
  findSync(id: string): Row<S, T> | null {
    checkId(id);
    const found = readJsonReply(native().findRecordSync(this.handle, this.name, id));
    return found === null ? null : (Object.freeze(found) as Row<S, T>);
  }

  /** What a query finds: `patients.query((q) => q.where('surname', 'startsWith', 'Kh'))`. */
  query<X = unknown>(query?: QueryInput<Row<S, T>, Links<S, T>, X>): Results<Row<S, T> & X> {
    return new Results<Row<S, T> & X>(this.handle, this.name, toQuery(query));
  }

  /**
   * Calls back with a record, or null, now and whenever it changes. Returns how to stop. The handlers hear
   * of the lock and of what cannot be read.
   */
  observe(
    id: string,
    listener: (row: Row<S, T> | null) => void,
    handlers?: ObserveHandlers
  ): () => void {
    return observe(this.live(id), listener, handlers);
  }

  /** A record that follows the store. What `useRecord` shows. */
  live(id: string): Live<Row<S, T> | null> {
    checkId(id);
    return new Live<Row<S, T> | null>({
      empty: null,
      read: () => call((module) => module.findRecord(this.handle, this.name, id)),
      parse: (text) => (text === null ? null : (Object.freeze(JSON.parse(text)) as Row<S, T>)),
      watch: (changed, locked) =>
        watch(
          this.handle,
          changed,
          locked,
          ({ table, ids }) => table === this.name && (ids === null || ids.includes(id))
        ),
    });
  }
}

/** What a query finds, read when asked. */
export class Results<R extends object> {
  private readonly handle: number;
  private readonly table: string;
  private readonly query: Query<never, AnyLinks, unknown>;
  private readonly json: string;

  /** @internal */
  constructor(handle: number, table: string, query: object) {
    this.handle = handle;
    this.table = table;
    // what it was typed by is in R
    this.query = query as Query<never, AnyLinks, unknown>;
    this.json = this.query.toJSONText(table);
  }

  /** The first page. */
  async page(): Promise<Page<R>> {
    return this.reader().read(await this.text(this.json));
  }

  /**
   * Every page, one after the other: `for await (const rows of results.pages()) …`. Each is read when it is
   * asked for, behind so many rows: a record that comes or goes in between can move another one into the
   * page before or behind, so that it is given twice or not at all. Where that matters, ask anew where
   * `observe` says that something changed.
   */
  async *pages(): AsyncGenerator<readonly R[], void, undefined> {
    let json = this.json;
    for (;;) {
      const page = this.reader().read(await this.text(json));
      yield page.rows;
      if (page.nextOffset === null) return;
      json = this.query.offset(page.nextOffset).toJSONText(this.table);
    }
  }

  /** The first row, or null. */
  async first(): Promise<R | null> {
    const page = this.reader().read(await this.text(this.query.limit(1).toJSONText(this.table)));
    return page.rows[0] ?? null;
  }

  /** How many rows there are, limit and offset left aside. */
  async count(): Promise<number> {
    return call((module) => module.countRecords(this.handle, this.table, this.json));
  }

  /**
   * Calls back with the first page, now and whenever it changes. Returns how to stop. The handlers hear of
   * the lock and of what cannot be read.
   */
  observe(listener: (rows: readonly R[]) => void, handlers?: ObserveHandlers): () => void {
    return observe(this.live(), listener, handlers);
  }

  /** The first page as a value that follows the store. What `useQuery` shows. */
  live(): Live<readonly R[]> {
    const reader = this.reader();
    const empty: readonly R[] = Object.freeze([]);
    return new Live<readonly R[]>({
      empty,
      read: () => this.text(this.json),
      parse: (text) => (text === null ? empty : reader.read(text).rows),
      forget: () => reader.forget(),
      watch: (changed, locked) =>
        watch(this.handle, changed, locked, ({ table }) => {
          if (table === this.table) return true;
          // which tables are included the first page tells
          return this.query.included.length > 0 && (reader.tables?.includes(table) ?? true);
        }),
    });
  }

  private reader(): PageReader<R> {
    return new PageReader<R>(this.query.included);
  }

  private text(json: string): Promise<string> {
    return call((module) => module.queryRecords(this.handle, this.table, json));
  }
}

/**
 * Calls back when a transaction touched what concerns the caller, or the vault was unlocked; and when it
 * was locked or closed. Returns how to stop.
 */
function watch(
  handle: number,
  changed: () => void,
  locked: () => void,
  concerns: (touched: ChangedTable) => boolean
): () => void {
  const stopChange = listen('change', handle, (event) => {
    if (event.tables.some(concerns)) changed();
  });
  const stopState = listen('state', handle, ({ state }) => {
    if (state === 'unlocked') changed();
    else locked();
  });
  return () => {
    stopChange();
    stopState();
  };
}

/** One operation of a batch. */
export type Operation =
  | { readonly op: 'insert'; readonly table: string; readonly fields: object }
  | { readonly op: 'update'; readonly table: string; readonly id: string; readonly fields: object }
  | { readonly op: 'delete'; readonly table: string; readonly id: string };

/** Makes the operations of a batch. */
export class BatchMaker<S> {
  /** @internal */
  readonly operations: Operation[] = [];

  create<T extends TableName<S>>(table: T, fields: Insert<S, T>): this {
    checkText(table, 'a table');
    if (!isPlainObject(fields)) throw invalid('a record is an object of columns', table);
    return this.add({ op: 'insert', table, fields });
  }

  update<T extends TableName<S>>(table: T, id: string, fields: Update<S, T>): this {
    checkText(table, 'a table');
    checkId(id);
    if (!isPlainObject(fields)) throw invalid('a record is an object of columns', table);
    return this.add({ op: 'update', table, id, fields });
  }

  delete<T extends TableName<S>>(table: T, id: string): this {
    checkText(table, 'a table');
    checkId(id);
    return this.add({ op: 'delete', table, id });
  }

  private add(operation: Operation): this {
    if (this.operations.length >= 10_000) throw invalid('a batch has at most 10000 operations');
    this.operations.push(operation);
    return this;
  }
}
