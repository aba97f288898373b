/**
 * Queries as typed data, in the closed form that the core knows; never SQL. A `Query` does nothing by
 * itself and never changes: each method returns another one.
 */
import { checkWhole, invalid, toJson } from './check.ts';
import type { AnyLinks } from './schema.ts';

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
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

type NameOf<T> = Extract<keyof T, string>;
type ColumnOf<R> = NameOf<R>;

/** Makes conditions on rows of one table. */
export interface ConditionMaker<R> {
  <C extends ColumnOf<R>, O extends Op<R[C]>>(column: C, op: O, value: Operand<R[C], O>): Condition;
  /** All of them. */
  all(...conditions: Condition[]): Condition;
  /** Any of them. */
  any(...conditions: Condition[]): Condition;
  /** The others: every row for which it does not hold, also where a column is null. */
  not(condition: Condition): Condition;
}

const maker = Object.assign(
  (column: string, op: string, value: unknown): Condition => ({ column, op, value }),
  {
    all: (...conditions: Condition[]): Condition => ({ and: conditions }),
    any: (...conditions: Condition[]): Condition => ({ or: conditions }),
    not: (condition: Condition): Condition => ({ not: condition }),
  }
) as ConditionMaker<never>;

/** A relation that a page brings along, by its referring column; of another table where one is named. */
export interface Include {
  readonly column: string;
  readonly table?: string;
}

/** What rows have beside their columns where a query includes relations. */
export interface Related<X> {
  /** The included records; no column can have this name. */
  readonly $related: Readonly<X>;
}

interface Parts {
  readonly where: readonly Condition[];
  readonly order: readonly { readonly column: string; readonly descending: boolean }[];
  readonly limit: number | null;
  readonly offset: number;
  readonly include: readonly Include[];
}

/** The most rows of one page. */
export const MAX_PAGE_ROWS = 10_000;
/** The most relations of one query. */
const MAX_INCLUDES = 8;

/**
 * Which rows, in which order. Order ends with the id, so that it is always the same. `R` is a row of the
 * table, `L` what may be included, `X` what the rows have beside their columns because it is.
 */
export class Query<R, L extends AnyLinks = AnyLinks, X = unknown> {
  private readonly parts: Parts;

  constructor(parts: Parts = { where: [], order: [], limit: null, offset: 0, include: [] }) {
    this.parts = parts;
  }

  /** @internal */
  get included(): readonly Include[] {
    return this.parts.include;
  }

  /** Only rows for which this holds, beside what was asked before. */
  where<C extends ColumnOf<R>, O extends Op<R[C]>>(
    column: C,
    op: O,
    value: Operand<R[C], O>
  ): Query<R, L, X> {
    return this.with({ where: [...this.parts.where, { column, op, value }] });
  }

  /** Only rows for which any of these holds: `q.any((c) => [c('sex', 'eq', 'f'), …])`. */
  any(make: (condition: ConditionMaker<R>) => readonly Condition[]): Query<R, L, X> {
    const conditions = make(maker as unknown as ConditionMaker<R>);
    return this.with({ where: [...this.parts.where, { or: conditions }] });
  }

  /** Only rows for which this does not hold: `q.not((is) => is('camp', 'in', ['North']))`. */
  not(make: (condition: ConditionMaker<R>) => Condition): Query<R, L, X> {
    const condition = make(maker as unknown as ConditionMaker<R>);
    return this.with({ where: [...this.parts.where, { not: condition }] });
  }

  /**
   * Brings along the record that a column refers to, as `row.$related.COLUMN`; null where the column is,
   * or the record is not on this device: `visits.query((q) => q.include('patient_id'))`.
   */
  include<C extends NameOf<L['parents']>>(
    column: C
  ): Query<R, L, X & Related<{ [K in C]: L['parents'][C] | null }>> {
    return this.bring({ column }, column);
  }

  /**
   * Brings along the records of another table that refer to these by a column, as `row.$related.TABLE`,
   * in the order of their ids: `patients.query((q) => q.includeAll('visits', 'patient_id'))`. At most
   * 10,000 for one page, else `value_too_large`: ask for fewer rows then.
   */
  includeAll<U extends NameOf<L['children']>, C extends NameOf<L['children'][U]>>(
    table: U,
    column: C
  ): Query<R, L, X & Related<{ [K in U]: readonly L['children'][U][C][] }>> {
    return this.bring({ table, column }, table);
  }

  /** Ordered by this column, after the columns named before. */
  orderBy(column: ColumnOf<R>, direction: 'asc' | 'desc' = 'asc'): Query<R, L, X> {
    const descending = direction === 'desc';
    return this.with({ order: [...this.parts.order, { column, descending }] });
  }

  /** At most so many rows in a page: 1 to 10,000; 1,000 where nothing is said. */
  limit(rows: number): Query<R, L, X> {
    return this.with({ limit: checkWhole(rows, 'limit', 1, MAX_PAGE_ROWS) });
  }

  /** Passes over so many rows. */
  offset(rows: number): Query<R, L, X> {
    return this.with({ offset: checkWhole(rows, 'offset', 0, 0xffff_ffff) });
  }

  /** The JSON text that the core reads. Two queries that ask the same have the same text. */
  toJSONText(table: string): string {
    const { where, order, limit, offset, include } = this.parts;
    const condition = where.length === 1 ? where[0] : { and: where };
    return toJson(
      {
        ...(where.length > 0 ? { where: condition } : {}),
        ...(order.length > 0 ? { order } : {}),
        ...(limit === null ? {} : { limit }),
        ...(offset === 0 ? {} : { offset }),
        ...(include.length > 0 ? { include } : {}),
      },
      table
    );
  }

  /** `name` is where the rows have it: by that it is there once. */
  private bring<Y>(include: Include, name: string): Query<R, L, Y> {
    const before = this.parts.include;
    if (before.some((one) => (one.table ?? one.column) === name)) {
      throw invalid('a relation is included once');
    }
    if (before.length >= MAX_INCLUDES) throw invalid('a query includes at most 8 relations');
    return new Query<R, L, Y>({ ...this.parts, include: [...before, include] });
  }

  private with(change: Partial<Parts>): Query<R, L, X> {
    return new Query<R, L, X>({ ...this.parts, ...change });
  }
}

/** A query, or how to build one from the query for all rows. */
export type QueryInput<R, L extends AnyLinks = AnyLinks, X = unknown> =
  Query<R, L, X> | ((all: Query<R, L>) => Query<R, L, X>);

/** The query that was meant. */
export function toQuery<R, L extends AnyLinks, X>(
  input: QueryInput<R, L, X> | undefined
): Query<R, L, X> {
  if (input === undefined) return new Query<R, L, X>();
  const query = typeof input === 'function' ? input(new Query<R, L>()) : input;
  if (!(query instanceof Query)) throw invalid('a query is built from the one that is given');
  return query;
}
