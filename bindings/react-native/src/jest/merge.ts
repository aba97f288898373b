/** What becomes of one pulled row: the core's merge, column by column. Pure. */
import type { ConflictRule } from '../vault.ts';
import type { Record_ } from './filter.ts';
import type { HeldColumn, HeldColumns } from './marks.ts';
import type { Pending } from './outbox.ts';
import type { ColumnData, TableData } from './schema-data.ts';
import type { Cell } from './values.ts';

/** A column that both sides changed. */
export interface ColumnConflict {
  readonly column: ColumnData;
  readonly base: Cell;
  readonly local: Cell;
  readonly remote: Cell;
  readonly kept: 'local' | 'remote';
}

export interface Merged {
  /** What is to be written; nothing where the record stays as it is. */
  readonly cells: Readonly<Record<string, Cell>>;
  /** What waits after it; null where nothing of ours is left to be sent. */
  readonly pending: Pending | null;
  readonly conflicts: readonly ColumnConflict[];
  /** Whether anything is new in it, be it what the peer holds alone. */
  readonly isNews: boolean;
}

/** A pulled row as a new record: a cell that it lacks is empty, and never invented. */
export function wholeRow(table: TableData, remote: Record_): Record<string, Cell> {
  return Object.fromEntries(
    table.columns.map((column) => [column.name, remote[column.name] ?? neutral(column)])
  );
}

function neutral({ role, nullable, default: of }: ColumnData): Cell {
  if (nullable === true) return null;
  if (role === 'json') return of ?? null;
  if (role === 'bool') return false;
  return role === 'text' ? '' : null;
}

/**
 * Merges a pulled row into a stored record, on which `pending` waits to be sent. In the columns `held` the
 * peer had our own value: who wrote there since could see it.
 */
export function merge(
  table: TableData,
  local: Record_,
  pending: Pending | null,
  remote: Record_,
  rule: ConflictRule,
  held: HeldColumns = new Map()
): Merged {
  const came = table.columns.filter(({ name }) => name !== 'id' && remote[name] !== undefined);
  const cells: Record<string, Cell> = {};
  const conflicts: ColumnConflict[] = [];
  const stays = whoStays(rule, local, remote);
  for (const column of came) {
    const { name } = column;
    const [ours, theirs] = [local[name] ?? null, remote[name] ?? null];
    const base = isOurs(column) ? pending?.base[name] : undefined;
    if (pending !== null && isStamp(column)) continue;
    if (base === undefined) {
      if (ours !== theirs) cells[name] = theirs;
    } else if (!same(column, theirs, ours) && (held.has(name) || !same(column, theirs, base))) {
      const theirHold = held.get(name);
      const kept =
        theirHold === undefined ? stays : whoStaysOfHeld(column, theirHold, local, remote);
      conflicts.push({ column, base, local: ours, remote: theirs, kept });
      if (kept === 'remote') cells[name] = theirs;
    }
  }
  const isNews = Object.keys(cells).length > 0 || conflicts.length > 0;
  if (pending === null) return { cells, pending, conflicts, isNews };
  const lost = conflicts.filter(({ kept }) => kept === 'remote').map(({ column }) => column.name);
  const left = Object.entries(pending.base).filter(([name]) => !lost.includes(name));
  const stamp = table.columns.find(isStamp)?.name;
  if (stamp !== undefined && remote[stamp] !== undefined) {
    const [ours, stamped] = [Number(local[stamp] ?? 0), remote[stamp]];
    const stands = left.some(([name, base]) => oursStands(table, name, local, remote, base));
    const value = stands && stamped !== null ? Math.max(ours, Number(stamped) + 1) : stamped;
    if (value !== local[stamp] && !(stands && stamped === null)) cells[stamp] = value;
  }
  // what the peer has now is what the next change of theirs is compared with
  const theirs = (name: string, value: Cell) => (remote[name] === undefined ? value : remote[name]);
  const base = Object.fromEntries(left.map(([name, value]) => [name, theirs(name, value)]));
  const isDone = pending.kind === 'updated' && left.length === 0 && lost.length > 0;
  const isOther = left.some(([name, value]) => base[name] !== value);
  return {
    cells,
    pending: isDone ? null : { ...pending, base },
    conflicts,
    isNews: isOther || Object.keys(cells).length > 0 || conflicts.length > 0,
  };
}

/** The columns of a pushed edit in which the cloud holds something else. */
export function notKept(
  table: TableData,
  local: Record_,
  { base }: Pending,
  remote: Record_
): readonly ColumnConflict[] {
  const sent = table.columns.filter((column) => isOurs(column) && !isStamp(column));
  return sent.flatMap((column): ColumnConflict[] => {
    const before = base[column.name];
    const [ours, theirs] = [local[column.name] ?? null, remote[column.name]];
    if (before === undefined || theirs === undefined || same(column, theirs, ours)) return [];
    return [{ column, base: before, local: ours, remote: theirs, kept: 'remote' }];
  });
}

/**
 * Theirs, where somebody changed what they had from us; not where they lost it, or where the value from
 * before came back for the first time.
 */
function whoStaysOfHeld(
  column: ColumnData,
  { before, sentAgain }: HeldColumn,
  local: Record_,
  remote: Record_
): 'local' | 'remote' {
  const isLater = Number(remote['updated_at'] ?? 0) > Number(local['updated_at'] ?? 0);
  const isBack = same(column, remote[column.name] ?? null, before) && !sentAgain;
  return isLater && !isBack ? 'remote' : 'local';
}

function whoStays(rule: ConflictRule, local: Record_, remote: Record_): 'local' | 'remote' {
  if (rule !== 'latest') return rule;
  return Number(remote['updated_at'] ?? 0) > Number(local['updated_at'] ?? 0) ? 'remote' : 'local';
}

/** Whether a value changed here is not what the peer has: then the record must be the later one. */
function oursStands(
  table: TableData,
  name: string,
  local: Record_,
  remote: Record_,
  base: Cell
): boolean {
  const column = table.columns.find((one) => one.name === name);
  if (column === undefined || !isOurs(column) || isStamp(column)) return false;
  return !same(column, local[name] ?? null, remote[name] ?? base);
}

/** Whether people here edit the column: the server's times are the server's. */
function isOurs({ role, name, hidden }: ColumnData): boolean {
  const servers = ['created_at', 'last_modified', 'server_created_at'];
  return hidden !== true && !(role === 'instant' && servers.includes(name));
}

const isStamp = ({ role, name }: ColumnData): boolean =>
  role === 'instant' && name === 'updated_at';

function same({ role }: ColumnData, a: Cell, b: Cell): boolean {
  if (a === b) return true;
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  if (role === 'decimal') return Number(a) === Number(b);
  return role === 'json' && sorted(a) === sorted(b);
}

/** JSON text with the members of its objects in one order. */
function sorted(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  );
}
