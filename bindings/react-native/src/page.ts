/**
 * Reads pages as the core writes them. Owns that what did not change since the page before is the same
 * object again, so that a list that compares its items draws only what changed.
 */
import type { Include } from './query.ts';

/** A page of rows. */
export interface Page<R> {
  readonly rows: readonly R[];
  /** The offset of the next page; null on the last. */
  readonly nextOffset: number | null;
}

interface RowsText {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}
interface PageText extends RowsText {
  readonly next_offset: number | null;
  readonly included?: readonly (RowsText & { readonly table: string })[];
}
type AnyRow = Readonly<Record<string, unknown>>;
/** The included records of one row, by the relation's name. */
type Brought = Record<string, AnyRow | null | readonly AnyRow[]>;
const RELATED = '$related';
const NONE: readonly AnyRow[] = Object.freeze([]);

/** Reads the pages of one query. */
export class PageReader<R extends object> {
  /** The tables of the included records; null as long as no page has told. */
  tables: readonly string[] | null = null;
  private readonly include: readonly Include[];
  private known = new Map<unknown, AnyRow>();
  private related: Map<unknown, AnyRow>[];

  constructor(include: readonly Include[]) {
    this.include = include;
    this.related = include.map(() => new Map<unknown, AnyRow>());
  }

  /** Lets go of the page before. The names of tables stay: they are the schema's. */
  forget(): void {
    this.known = new Map();
    this.related = this.include.map(() => new Map<unknown, AnyRow>());
  }

  read(text: string): Page<R> {
    const page = JSON.parse(text) as PageText;
    const included = page.included ?? [];
    this.tables = included.map(({ table }) => table);
    const relations = included.map((rows, i) => this.relation(rows, i));
    const columns = [...page.columns];
    const known = new Map<unknown, AnyRow>();
    const rows = readRows(page, (values, id) => {
      const old = this.known.get(id);
      const brought = this.brought(relations, columns, values, old);
      const row = sameRow(old, columns, values, brought) ? old : makeRow(columns, values, brought);
      known.set(id, row);
      return row;
    });
    this.known = known;
    return { rows: Object.freeze(rows) as readonly unknown[] as R[], nextOffset: page.next_offset };
  }

  /** The records of one relation: by their id, or in lists by whom they refer to. */
  private relation(text: RowsText, i: number): Relation {
    const { column, table } = this.include[i] ?? { column: '' };
    const before = this.related[i];
    const now = new Map<unknown, AnyRow>();
    const lists = new Map<unknown, AnyRow[]>();
    const keyAt = text.columns.indexOf(column);
    readRows(text, (values, id) => {
      const old = before?.get(id);
      const row = sameRow(old, text.columns, values) ? old : makeRow(text.columns, values);
      now.set(id, row);
      if (table === undefined) return;
      const list = lists.get(values[keyAt]);
      if (list === undefined) lists.set(values[keyAt], [row]);
      else list.push(row);
    });
    this.related[i] = now;
    return table === undefined ? { name: column, rows: now } : { name: table, lists };
  }

  private brought(
    relations: readonly Relation[],
    columns: readonly string[],
    values: readonly unknown[],
    old: AnyRow | undefined
  ): Brought | undefined {
    if (this.include.length === 0) return undefined;
    const before = old?.[RELATED] as Brought | undefined;
    const brought: Brought = {};
    for (const relation of relations) {
      const { name } = relation;
      if ('rows' in relation) {
        brought[name] = relation.rows.get(values[columns.indexOf(name)]) ?? null;
        continue;
      }
      const list = relation.lists.get(values[columns.indexOf('id')]) ?? NONE;
      const last = before?.[name] as readonly AnyRow[] | undefined;
      brought[name] = last !== undefined && sameList(last, list) ? last : Object.freeze(list);
    }
    return before !== undefined && relations.every(({ name }) => before[name] === brought[name])
      ? before
      : Object.freeze(brought);
  }
}

type Relation = { readonly name: string } & (
  | { readonly rows: ReadonlyMap<unknown, AnyRow> }
  | { readonly lists: ReadonlyMap<unknown, readonly AnyRow[]> }
);

function readRows<T>(text: RowsText, make: (values: readonly unknown[], id: unknown) => T): T[] {
  const idAt = text.columns.indexOf('id');
  return text.rows.map((values) => make(values, values[idAt]));
}

function makeRow(
  columns: readonly string[],
  values: readonly unknown[],
  brought?: Brought
): AnyRow {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i];
  if (brought !== undefined) row[RELATED] = brought;
  return Object.freeze(row);
}

function sameRow(
  old: AnyRow | undefined,
  columns: readonly string[],
  values: readonly unknown[],
  brought?: Brought
): old is AnyRow {
  return (
    old !== undefined &&
    old[RELATED] === brought &&
    columns.every((name, i) => old[name] === values[i])
  );
}

function sameList(a: readonly AnyRow[], b: readonly AnyRow[]): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}
