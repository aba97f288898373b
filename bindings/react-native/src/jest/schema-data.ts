/** A schema as data, as far as the mock needs it. */
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';

export interface ColumnData {
  readonly name: string;
  readonly role: string;
  readonly nullable?: boolean;
  readonly ref?: string;
  readonly default?: string;
  readonly max_chars?: number;
  readonly precision?: readonly number[];
  readonly hidden?: boolean;
}

export interface TableData {
  readonly name: string;
  readonly direction: string;
  readonly columns: readonly ColumnData[];
  /** The columns by which a server knows a record beside its id. */
  readonly natural_key?: readonly string[];
  /** A pull of everything holds all of it, whatever the server's history limit. */
  readonly whole_history?: boolean;
  /** The column of whose it is, where a pull brings a person's own rows alone. */
  readonly own_rows_only?: string;
  /** False: an edit moves no time at the server, so that no pull of changes shows it. */
  readonly updates_announced?: boolean;
  readonly children?: readonly { readonly table: string; readonly column: string }[];
}

export interface SchemaData {
  readonly version: number;
  readonly never_tables?: readonly string[];
  readonly tables: readonly TableData[];
}

const NEVER_TABLES = [
  'users',
  'clinicians',
  'devices',
  'undefined',
  'device_pin_codes',
  'tokens',
  'server_variables',
];

/** The table, or the failure that the core gives. */
export function requireTable(schema: SchemaData, name: string): TableData {
  if (NEVER_TABLES.includes(name) || schema.never_tables?.includes(name) === true) {
    throw failure('forbidden_table', 'this table is never stored');
  }
  const table = schema.tables.find((t) => t.name === name);
  if (table === undefined) throw failure('invalid_input', 'unknown table');
  return table;
}

/** The column, or the failure that the core gives. */
export function requireColumn(table: TableData, name: string): ColumnData {
  const column = table.columns.find((c) => c.name === name && c.hidden !== true);
  if (column === undefined) throw failure('invalid_input', 'unknown column', { at: table.name });
  return column;
}

/** Looks a schema over as the core does, in short. */
export function checkSchema(value: unknown): SchemaData {
  const schema = value as SchemaData;
  const bad = (detail: string) => failure('invalid_input', detail);
  if (!Number.isInteger(schema?.version) || schema.version < 1) {
    throw bad('the version starts at 1');
  }
  if (!Array.isArray(schema.tables) || schema.tables.length === 0) {
    throw bad('a schema has 1 to 200 tables');
  }
  for (const table of schema.tables as readonly TableData[]) {
    if (NEVER_TABLES.includes(table.name)) throw bad('this table must never be stored');
    const ids = table.columns.filter((c) => c.role === 'id');
    if (ids.length !== 1 || table.columns[0]?.name !== 'id') {
      throw bad('the first column, and only that, is id with role id');
    }
  }
  return schema;
}

/** Whether two records of different ids are one to a server that knows them by other columns. */
export function hasSameKey(table: TableData, one: Record_, other: Record_): boolean {
  const key = table.natural_key ?? [];
  const isEqual = (name: string) => (one[name] ?? null) !== null && one[name] === other[name];
  return key.length > 0 && one['id'] !== other['id'] && key.every(isEqual);
}
