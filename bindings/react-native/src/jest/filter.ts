/** Queries over rows in memory: the core's closed form, its limits and its order. Pure. */
import type { NativeFailure } from './failure.ts';
import { failure } from './failure.ts';
import type { IncludeData } from './include.ts';
import { parseInclude } from './include.ts';
import type { ColumnData, SchemaData, TableData } from './schema-data.ts';
import { requireColumn } from './schema-data.ts';
import type { Cell } from './values.ts';
import { parseValue, recordId } from './values.ts';

export type Record_ = Readonly<Record<string, Cell>>;
type Test = (row: Record_) => boolean;
const MAX_DEPTH = 32;

export interface ParsedQuery {
  readonly test: Test;
  readonly compare: (a: Record_, b: Record_) => number;
  readonly limit: number;
  readonly offset: number;
  readonly include: readonly IncludeData[];
}

/** Reads a query or gives the core's failure. */
export function parseQuery(schema: SchemaData, table: TableData, text: string): ParsedQuery {
  const bad = (detail: string) => failure('invalid_input', detail, { at: table.name });
  const noForm = () => bad('the query has not the form of a query');
  let query: Record<string, unknown>;
  try {
    query = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw noForm();
  }
  if (typeof query !== 'object' || query === null || Array.isArray(query)) throw noForm();
  for (const name of Object.keys(query)) {
    if (!['where', 'order', 'limit', 'offset', 'include'].includes(name)) throw noForm();
  }
  const limit = query['limit'] ?? 1000;
  const offset = query['offset'] ?? 0;
  if (!Number.isInteger(limit) || !Number.isInteger(offset) || (offset as number) < 0)
    throw noForm();
  if ((limit as number) < 1 || (limit as number) > 10_000) throw bad('limit is from 1 to 10000');
  const order = (query['order'] ?? []) as { column: string; descending?: boolean }[];
  if (!Array.isArray(order)) throw noForm();
  const keys = order.map((o) => ({
    column: requireColumn(table, o?.column),
    sign: o.descending === true ? -1 : 1,
  }));
  return {
    test: query['where'] === undefined ? () => true : condition(table, query['where'], noForm, 0),
    compare: (a, b) => {
      for (const { column, sign } of keys) {
        const order = compareCells(column, a[column.name] ?? null, b[column.name] ?? null);
        if (order !== 0) return sign * order;
      }
      return bytewise(String(a['id']), String(b['id']));
    },
    limit: limit as number,
    offset: offset as number,
    include: parseInclude(schema, table, query['include'] ?? [], noForm),
  };
}

function condition(
  table: TableData,
  json: unknown,
  noForm: () => NativeFailure,
  depth: number
): Test {
  if (depth > MAX_DEPTH) {
    throw failure('invalid_input', 'the query is nested too deep', { at: table.name });
  }
  const given = json as Record<string, unknown> | null;
  if (typeof given !== 'object' || given === null) throw noForm();
  for (const join of ['and', 'or'] as const) {
    const list = given[join];
    if (list === undefined) continue;
    if (!Array.isArray(list) || Object.keys(given).length !== 1) throw noForm();
    const tests = list.map((part) => condition(table, part, noForm, depth + 1));
    return join === 'and'
      ? (row) => tests.every((test) => test(row))
      : (row) => tests.some((test) => test(row));
  }
  if (given['not'] !== undefined) {
    if (Object.keys(given).length !== 1) throw noForm();
    const test = condition(table, given['not'], noForm, depth + 1);
    return (row) => !test(row);
  }
  return leaf(table, given, noForm);
}

function leaf(table: TableData, given: Record<string, unknown>, noForm: () => NativeFailure): Test {
  if (typeof given['column'] !== 'string' || typeof given['op'] !== 'string') throw noForm();
  const column = requireColumn(table, given['column']);
  const at = `${table.name}.${column.name}`;
  const bad = (detail: string) => failure('invalid_input', detail, { at });
  const { value } = given;
  const cell = (row: Record_) => row[column.name] ?? null;
  const compare = (holds: (order: number) => boolean): Test => {
    const wanted = operand(table, column, value, at);
    return (row) => cell(row) !== null && holds(compareCells(column, cell(row), wanted));
  };
  switch (given['op']) {
    case 'eq':
      return compare((order) => order === 0);
    case 'ne': {
      const equal = compare((order) => order === 0);
      return (row) => !equal(row);
    }
    case 'lt':
      return compare((order) => order < 0);
    case 'lte':
      return compare((order) => order <= 0);
    case 'gt':
      return compare((order) => order > 0);
    case 'gte':
      return compare((order) => order >= 0);
    case 'in': {
      if (!Array.isArray(value)) throw bad('in needs a list');
      const wanted = value.map((item) => operand(table, column, item, at));
      return (row) =>
        cell(row) !== null && wanted.some((item) => compareCells(column, cell(row), item) === 0);
    }
    case 'isNull': {
      const wanted = value ?? true;
      if (typeof wanted !== 'boolean') throw bad('isNull takes true or false');
      return (row) => (cell(row) === null) === wanted;
    }
    case 'startsWith':
    case 'contains': {
      const texty = !['integer', 'number', 'bool', 'instant'].includes(column.role);
      if (typeof value !== 'string' || !texty) throw bad('text is searched in text columns');
      if (value.length > 16 * 1024) throw bad('the text to search for is longer than 16 KiB');
      const wanted = lower(value);
      const begins = given['op'] === 'startsWith';
      return (row) => {
        const text = cell(row);
        if (typeof text !== 'string') return false;
        return begins ? lower(text).startsWith(wanted) : lower(text).includes(wanted);
      };
    }
    default:
      throw noForm();
  }
}

function operand(table: TableData, column: ColumnData, json: unknown, at: string): Cell {
  if (json === null || json === undefined) {
    throw failure('invalid_input', 'compare with null by isNull', { at });
  }
  if (column.role === 'id') {
    const id = recordId(json);
    if (id === null) throw failure('invalid_input', 'an id is expected', { at });
    return id;
  }
  if (['text', 'enum', 'json'].includes(column.role)) {
    if (typeof json !== 'string') throw failure('invalid_input', 'text is expected', { at });
    return json;
  }
  return parseValue(table, column, json);
}

/** SQLite's order: null first, then numbers, then text by its bytes. Decimals compare as numbers. */
function compareCells(column: ColumnData, a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (column.role === 'decimal') return Number(a) - Number(b);
  if (typeof a === 'string' || typeof b === 'string') return bytewise(String(a), String(b));
  return Number(a) - Number(b);
}

/** The order of the bytes of UTF-8, which is that of code points and not of UTF-16. */
export function bytewise(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The case of ASCII letters is left aside, and only of those. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
