/**
 * Queries as typed data, in the closed form that the core knows; never SQL. A `Query` does nothing by
 * itself and never changes: each method returns another one.
 */
import { checkWhole, invalid, toJson } from './check.ts';

/** What a column of this type can be compared by. */
export type Op<V> =
  | 'eq'
  | 'ne'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'in'
  | 'isNull'
  | (NonNullable<V> extends string ? 'startsWith' | 'contains' : never);

/** What a column is compared with. Null has an operator of its own, `isNull`. */
export type Operand<V, O> = O extends 'in'
  ? readonly NonNullable<V>[]
  : O extends 'isNull'
    ? boolean
    : O extends 'startsWith' | 'contains'
      ? string
      : NonNullable<V>;

/** A condition in the core's JSON form. */
export type Condition =
  | { readonly column: string; readonly op: string; readonly value: unknown }
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] };

type ColumnOf<R> = Extract<keyof R, string>;

/** Makes conditions on rows of one table. */
export interface ConditionMaker<R> {
  <C extends ColumnOf<R>, O extends Op<R[C]>>(column: C, op: O, value: Operand<R[C], O>): Condition;
  /** All of them. */
  all(...conditions: Condition[]): Condition;
  /** Any of them. */
  any(...conditions: Condition[]): Condition;
}

const maker = Object.assign(
  (column: string, op: string, value: unknown): Condition => ({ column, op, value }),
  {
    all: (...conditions: Condition[]): Condition => ({ and: conditions }),
    any: (...conditions: Condition[]): Condition => ({ or: conditions }),
  }
) as ConditionMaker<never>;

interface Parts {
  readonly where: readonly Condition[];
  readonly order: readonly { readonly column: string; readonly descending: boolean }[];
  readonly limit: number | null;
  readonly offset: number;
}

/** The most rows of one page. */
export const MAX_PAGE_ROWS = 10_000;

/** Which rows, in which order. Order ends with the id, so that it is always the same. */
export class Query<R> {
  private readonly parts: Parts;

  constructor(parts: Parts = { where: [], order: [], limit: null, offset: 0 }) {
    this.parts = parts;
  }

  /** Only rows for which this holds, beside what was asked before. */
  where<C extends ColumnOf<R>, O extends Op<R[C]>>(
    column: C,
    op: O,
    value: Operand<R[C], O>
  ): Query<R> {
    return this.with({ where: [...this.parts.where, { column, op, value }] });
  }

  /** Only rows for which any of these holds: `q.any((c) => [c('sex', 'eq', 'f'), …])`. */
  any(make: (condition: ConditionMaker<R>) => readonly Condition[]): Query<R> {
    const conditions = make(maker as unknown as ConditionMaker<R>);
    return this.with({ where: [...this.parts.where, { or: conditions }] });
  }

  /** Ordered by this column, after the columns named before. */
  orderBy(column: ColumnOf<R>, direction: 'asc' | 'desc' = 'asc'): Query<R> {
    const descending = direction === 'desc';
    return this.with({ order: [...this.parts.order, { column, descending }] });
  }

  /** At most so many rows in a page: 1 to 10,000; 1,000 where nothing is said. */
  limit(rows: number): Query<R> {
    return this.with({ limit: checkWhole(rows, 'limit', 1, MAX_PAGE_ROWS) });
  }

  /** Passes over so many rows. */
  offset(rows: number): Query<R> {
    return this.with({ offset: checkWhole(rows, 'offset', 0, 0xffff_ffff) });
  }

  /** The JSON text that the core reads. Two queries that ask the same have the same text. */
  toJSONText(table: string): string {
    const { where, order, limit, offset } = this.parts;
    const condition = where.length === 1 ? where[0] : { and: where };
    return toJson(
      {
        ...(where.length > 0 ? { where: condition } : {}),
        ...(order.length > 0 ? { order } : {}),
        ...(limit === null ? {} : { limit }),
        ...(offset === 0 ? {} : { offset }),
      },
      table
    );
  }

  private with(change: Partial<Parts>): Query<R> {
    return new Query({ ...this.parts, ...change });
  }
}

/** A query, or how to build one from the query for all rows. */
export type QueryInput<R> = Query<R> | ((all: Query<R>) => Query<R>);

/** The query that was meant. */
export function toQuery<R>(input: QueryInput<R> | undefined): Query<R> {
  if (input === undefined) return new Query<R>();
  const query = typeof input === 'function' ? input(new Query<R>()) : input;
  if (!(query instanceof Query)) throw invalid('a query is built from the one that is given');
  return query;
}

/** A page as the core writes it. */
interface PageText {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly next_offset: number | null;
}

/** A page of rows. */
export interface Page<R> {
  readonly rows: readonly R[];
  /** The offset of the next page; null on the last. */
  readonly nextOffset: number | null;
}

/**
 * Reads a page. A row that was in the page before, unchanged, is the same object again, so that a list
 * that compares its items draws only what changed.
 */
export function readPage<R extends object>(text: string, before?: Page<R>): Page<R> {
  const page = JSON.parse(text) as PageText;
  const known = new Map<unknown, R>();
  for (const row of before?.rows ?? []) known.set((row as { id?: unknown }).id, row);
  const idAt = page.columns.indexOf('id');
  const rows = page.rows.map((values) => {
    const old = known.get(values[idAt]) as Record<string, unknown> | undefined;
    if (old !== undefined && page.columns.every((name, i) => old[name] === values[i])) {
      return old as R;
    }
    const row: Record<string, unknown> = {};
    for (let i = 0; i < page.columns.length; i++) row[page.columns[i] as string] = values[i];
    return Object.freeze(row) as R;
  });
  return { rows: Object.freeze(rows), nextOffset: page.next_offset };
}
