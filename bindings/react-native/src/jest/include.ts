/** What a query in memory brings along: the core's rules of relations, and its form. Pure. */
import type { NativeFailure } from './failure.ts';
import { failure } from './failure.ts';
import type { SchemaData, TableData } from './schema-data.ts';
import { requireColumn, requireTable } from './schema-data.ts';
import type { Cell } from './values.ts';

/** A relation: the related records are those of `table` whose `key` is in `from` of a row of the page. */
export interface IncludeData {
  readonly table: TableData;
  readonly key: string;
  readonly from: string;
}
type Rows = readonly Readonly<Record<string, Cell>>[];

const MAX_INCLUDES = 8;
const MAX_INCLUDED_ROWS = 10_000;

/** Reads the relations of a query, or gives the core's failure. */
export function parseInclude(
  schema: SchemaData,
  of: TableData,
  json: unknown,
  noForm: () => NativeFailure
): readonly IncludeData[] {
  if (!Array.isArray(json)) throw noForm();
  if (json.length > MAX_INCLUDES) {
    throw failure('invalid_input', 'a query includes at most 8 relations', { at: of.name });
  }
  const seen = new Set<string>();
  return json.map((given: Record<string, unknown> | null) => {
    const names = Object.keys(given ?? {});
    const { table: other, column: name } = given ?? {};
    if (typeof name !== 'string' || names.some((n) => n !== 'table' && n !== 'column')) {
      throw noForm();
    }
    if (other !== undefined && other !== null && typeof other !== 'string') throw noForm();
    const table = typeof other === 'string' ? requireTable(schema, other) : of;
    const column = requireColumn(table, name);
    const bad = (detail: string) =>
      failure('invalid_input', detail, { at: `${table.name}.${name}` });
    if (column.role !== 'ref' || column.ref === undefined) {
      throw bad('only a reference can be included');
    }
    const include =
      typeof other === 'string'
        ? { table, key: name, from: 'id' }
        : { table: requireTable(schema, column.ref), key: 'id', from: name };
    if (typeof other === 'string' && column.ref !== of.name) {
      throw bad('this column refers to another table');
    }
    const text = `${include.from}/${table.name}/${name}`;
    if (seen.has(text)) {
      throw failure('invalid_input', 'a relation is included once', { at: of.name });
    }
    seen.add(text);
    return include;
  });
}

/** The related records of a page, as the core writes them. */
export function included(
  include: readonly IncludeData[],
  page: Rows,
  all: (table: string) => Rows
): object[] {
  let count = 0;
  return include.map(({ table, key, from }) => {
    const wanted = new Set(page.map((row) => row[from] ?? null));
    const found = all(table.name)
      .filter((row) => (row[key] ?? null) !== null && wanted.has(row[key] ?? null))
      .sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
    count += found.length;
    if (count > MAX_INCLUDED_ROWS) {
      const detail = 'the related records are too many for one page: ask for fewer rows';
      throw failure('value_too_large', detail, { at: table.name });
    }
    const columns = table.columns.filter((c) => c.hidden !== true).map((c) => c.name);
    return {
      table: table.name,
      columns,
      rows: found.map((row) => columns.map((column) => row[column] ?? null)),
    };
  });
}
