/**
 * What comes from an app is looked at once, before it crosses: wrong types, NaN, numbers that are not
 * exact, lone surrogates and texts too large to make sense are typed errors here. What only the schema
 * can tell is the core's to check. Messages never hold the value.
 */
import { AmanaError } from './errors.ts';
import type { SecureValue } from './text.ts';
import { isWellFormed, utf8 } from './text.ts';

/** The largest value, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** The largest JSON text of one call. */
const MAX_CALL_BYTES = 64 * 1024 * 1024;
/** The largest text that is no value of a record or a key: a name, an address, a certificate. */
const MAX_ARGUMENT = 1024 * 1024;
const MAX_DEPTH = 64;
/** How many keys a call of the core takes. */
export const MAX_KEYS = 10_000;

export function invalid(detail: string, at?: string): AmanaError {
  return new AmanaError('invalid_input', detail, { at: at ?? null });
}

/** A text that has a UTF-8 form. `what` is the argument's name, for the message. */
export function checkText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} is a text`);
  // as many bytes at least as UTF-16 units: no need to look at a text that is too large anyway
  if (value.length > MAX_ARGUMENT) throw new AmanaError('value_too_large', `${what} is too large`);
  return checkWellFormed(value, what);
}

function checkWellFormed(text: string, what: string): string {
  if (!isWellFormed(text)) throw invalid(`${what} holds half of a character`);
  return text;
}

/** The id of a record. What is longer than any id is not even looked for. */
export function checkId(value: unknown): string {
  const text = checkText(value, 'an id');
  if (text.length > 128) throw invalid('an id is at most 128 bytes long');
  return text;
}

/** A key or namespace of the key–value store. */
export function checkKey(value: unknown, what = 'a key'): string {
  const text = checkText(value, what);
  const most = what === 'a key' ? 1024 : 128;
  if (text.length === 0 || text.length > most) throw invalid(`${what} is 1 to ${most} bytes long`);
  return text;
}

/** Text or bytes to store. */
export function checkValue(value: unknown): SecureValue {
  const length =
    typeof value === 'string' || value instanceof Uint8Array ? value.length : undefined;
  if (length === undefined) throw invalid('a value is a text or bytes');
  if (length > MAX_VALUE_BYTES) {
    throw new AmanaError('value_too_large', 'a value is at most 16 MiB large');
  }
  return typeof value === 'string' ? checkWellFormed(value, 'a value') : (value as Uint8Array);
}

/** A whole number within a range. */
export function checkWhole(value: unknown, what: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw invalid(`${what} is a whole number from ${least} to ${most}`);
  }
  return value;
}

/** How long a value lives; null: for ever. */
export function checkExpiry(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  return checkWhole(value, 'expiresInMs', 1, Number.MAX_SAFE_INTEGER);
}

/** A PIN or password as bytes. A string in JavaScript cannot be wiped; bytes can, by the caller. */
export function checkSecret(value: unknown, what: string): number[] {
  if (value instanceof Uint8Array) {
    if (value.length === 0 || value.length > 1024) throw invalid(`${what} is 1 to 1024 bytes long`);
    return Array.from(value);
  }
  const text = checkText(value, what);
  if (text.length === 0 || text.length > 1024) throw invalid(`${what} is 1 to 1024 bytes long`);
  return utf8(text);
}

export function checkBoolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw invalid(`${what} is true or false`);
  return value;
}

export function checkArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${what} is a list`);
  return value;
}

/** What an app passes as options: an object, or nothing. */
export function checkOptions<T extends object>(value: T | undefined, what = 'options'): T {
  if (value === undefined) return {} as T;
  if (!isPlainObject(value)) throw invalid(`${what}: an object is expected`);
  return value;
}

/** A function that is called back. */
export function checkFunction(value: unknown, what: string): void {
  if (typeof value !== 'function') throw invalid(`${what} is a function`);
}

/** A list of keys. */
export function checkKeys(value: unknown): string[] {
  const keys = checkArray(value, 'keys');
  if (keys.length > MAX_KEYS) throw invalid('a call takes at most 10000 keys');
  return keys.map((key) => checkKey(key));
}

/** The columns of a record, as JSON text. `at` is the table. */
export function checkFields(fields: unknown, at: string): string {
  if (!isPlainObject(fields)) throw invalid('a record is an object of columns', at);
  return toJson(fields, at);
}

/**
 * JSON text of plain data. `JSON.stringify` alone would turn NaN into null and leave out what is
 * undefined: that is to guess, so both are refused.
 */
export function toJson(value: unknown, at?: string): string {
  checkPlain(value, at, 0);
  const text = JSON.stringify(value);
  if (text.length > MAX_CALL_BYTES) {
    throw new AmanaError('value_too_large', 'the call is larger than 64 MiB', { at: at ?? null });
  }
  return text;
}

/**
 * The same data however it is written: members in one order, and none that is undefined. What is no
 * plain data stays as it is, for `toJson` to refuse.
 */
export function canonical(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw invalid('the data is nested too deep');
  if (Array.isArray(value)) return value.map((item) => canonical(item, depth + 1));
  if (!isPlainObject(value)) return value;
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, canonical(item, depth + 1)] as const);
  return Object.fromEntries(members);
}

function checkPlain(value: unknown, at: string | undefined, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid('the data is nested too deep', at);
  switch (typeof value) {
    case 'string':
      if (value.length > MAX_VALUE_BYTES) {
        throw new AmanaError('value_too_large', 'a value is at most 16 MiB large', {
          at: at ?? null,
        });
      }
      if (!isWellFormed(value)) throw invalid('a text holds half of a character', at);
      return;
    case 'number':
      if (!Number.isFinite(value)) throw invalid('a number is finite', at);
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw invalid('a whole number beyond 2^53 is not exact: give it as text', at);
      }
      return;
    case 'boolean':
      return;
    case 'object':
      if (value === null) return;
      if (Array.isArray(value)) {
        for (const item of value) checkPlain(item, at, depth + 1);
        return;
      }
      if (!isPlainObject(value))
        throw invalid('data is text, numbers, true, false, null and lists', at);
      for (const [name, item] of Object.entries(value)) {
        if (!isWellFormed(name)) throw invalid('a text holds half of a character', at);
        checkPlain(item, at, depth + 1);
      }
      return;
    case 'undefined':
      throw invalid('undefined is not a value: leave the column out, or give null', at);
    default:
      throw invalid('data is text, numbers, true, false, null and lists', at);
  }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // objects of another realm (a test runner's) have another Object.prototype
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
