/** Values of columns, checked by their role with the core's words. Pure. */
import { failure } from './failure.ts';
import type { ColumnData, TableData } from './schema-data.ts';

export type Cell = string | number | boolean | null;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DECIMAL = /^-?\d+(\.\d+)?$/;
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** The last moment that has a calendar day of four digits. */
const MAX_INSTANT = 253_402_207_200_999;

/** A UUID in lower case; null where the text is none. */
export function uuid(text: unknown): string | null {
  return typeof text === 'string' && UUID.test(text) ? text.toLowerCase() : null;
}

/** An id as the core looks for it; null where it cannot be one. */
export function recordId(text: unknown): string | null {
  if (typeof text !== 'string' || text.length === 0 || text.length > 128) return null;
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) ? null : (uuid(text) ?? text);
}

/** A value as it is kept, or the core's failure. */
export function parseValue(table: TableData, column: ColumnData, json: unknown): Cell {
  const at = `${table.name}.${column.name}`;
  if (json === null) {
    if (column.nullable === true) return null;
    throw failure('invalid_input', 'null is not allowed here', { at });
  }
  const value = readAs(column, json);
  if (value === undefined)
    throw failure('invalid_input', WRONG[column.role] ?? 'wrong type', { at });
  checkLimits(column, value, at);
  return value;
}

const WRONG: Record<string, string> = {
  id: 'an id is the text of a UUID',
  ref: 'a reference is the id of a record, or null',
  text: 'text is expected',
  enum: 'text is expected',
  integer: 'a whole number is expected',
  number: 'a finite number is expected',
  decimal: 'a decimal number, or its text, is expected',
  bool: 'true or false is expected',
  instant: 'epoch milliseconds are expected',
  day: 'a day as YYYY-MM-DD is expected',
  json: "JSON of the column's kind, or its text, is expected",
};

function readAs(column: ColumnData, json: unknown): Cell | undefined {
  switch (column.role) {
    case 'text':
    case 'enum':
      return typeof json === 'string' ? json : undefined;
    case 'id':
    case 'ref':
      return recordId(json) ?? undefined;
    case 'integer':
      return Number.isSafeInteger(json) ? (json as number) : undefined;
    case 'instant':
      return Number.isSafeInteger(json) && Math.abs(json as number) <= MAX_INSTANT
        ? (json as number)
        : undefined;
    case 'number':
      return typeof json === 'number' ? json : undefined;
    case 'decimal': {
      const text = typeof json === 'number' ? String(json) : json;
      return typeof text === 'string' && DECIMAL.test(text) ? text : undefined;
    }
    case 'bool':
      return typeof json === 'boolean' ? json : undefined;
    case 'day':
      return typeof json === 'string' && isDay(json) ? json : undefined;
    case 'json':
      return readJson(column, json);
    default:
      return undefined;
  }
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function readJson(column: ColumnData, json: unknown): string | undefined {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  const kind = (column.default ?? '{}').charAt(0);
  if (text.trimStart().charAt(0) !== kind) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function checkLimits(column: ColumnData, value: Cell, at: string): void {
  if (typeof value !== 'string') return;
  if (value.length > MAX_VALUE_BYTES) {
    throw failure('value_too_large', 'the value is larger than 16 MiB', { at });
  }
  if (value.includes('\0')) throw failure('invalid_input', 'text holds a NUL character', { at });
  if (column.max_chars !== undefined && [...value].length > column.max_chars) {
    throw failure('invalid_input', 'text is longer than the peer takes', { at });
  }
  const [digits, scale] = column.precision ?? [];
  if (digits !== undefined && scale !== undefined) {
    const whole = value.replace(/^-/, '').split('.')[0] ?? '';
    if (whole.replace(/^0+/, '').length > digits - scale) {
      throw failure('invalid_input', 'number is larger than the peer takes', { at });
    }
  }
}

const STAMPS = ['created_at', 'updated_at', 'last_modified', 'server_created_at'];

/** What a column that an insert does not name holds; undefined where the app must say. */
export function defaultValue(column: ColumnData, now: number): Cell | undefined {
  if (column.role === 'instant' && STAMPS.includes(column.name)) return now;
  if (column.role === 'bool' && column.name === 'is_deleted') return false;
  if (column.role === 'json' && column.default !== undefined) return column.default;
  if (column.nullable === true) return null;
  if (column.role === 'text' || column.role === 'enum') return '';
  return column.role === 'bool' ? false : undefined;
}
