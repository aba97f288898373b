/** The conflict ledger in memory: what both sides changed, and how the other value is taken. */
import type { ConflictEntry } from '../NativeAmana.ts';
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';
import type { ColumnConflict } from './merge.ts';
import type { Pending } from './outbox.ts';
import type { TableData } from './schema-data.ts';
import type { Cell } from './values.ts';

/** Of a whole record, these say when and whether, and belong to it as it was. */
const STORES_OWN = [
  'id',
  'created_at',
  'updated_at',
  'last_modified',
  'server_created_at',
  'is_deleted',
  'deleted_at',
];
const MAX_LIST = 1000;

export class MemoryLedger {
  private readonly entries: ConflictEntry[] = [];
  private readonly now: () => number;
  /** The id of who is signed in. */
  private readonly actor: () => string | null;

  constructor(now: () => number, actor: () => string | null) {
    this.now = now;
    this.actor = actor;
  }

  list(after: number): ConflictEntry[] {
    return this.entries.filter(({ id }) => id > after).slice(0, MAX_LIST);
  }

  /** The entries that nobody has undone. */
  get count(): number {
    return this.entries.filter(({ undoneAtMs }) => undoneAtMs === null).length;
  }

  /** Both sides changed a column, or the peer did not keep what it had taken. */
  column(
    peer: string,
    kind: 'both_changed' | 'not_kept',
    table: TableData,
    local: Record_,
    remote: Record_,
    conflict: ColumnConflict
  ): void {
    const { column, base, kept } = conflict;
    const text = (cell: Cell) => JSON.stringify(asKept(table, column.name, cell));
    this.add(peer, table, String(local['id']), {
      kind,
      column: column.name,
      base: text(base),
      local: text(conflict.local),
      remote: text(conflict.remote),
      kept,
      localAtMs: timeOf(local),
      remoteAtMs: timeOf(remote),
    });
  }

  /** The peer deleted a record that had edits here. */
  deletedByPeer(peer: string, table: TableData, local: Record_): void {
    const more = { local: rowText(table, local), localAtMs: timeOf(local) };
    this.add(peer, table, String(local['id']), {
      kind: 'deleted_by_peer',
      kept: 'remote',
      ...more,
    });
  }

  /** The peer changed a record that was deleted here. Once for each version. */
  changedByPeer(peer: string, table: TableData, id: string, remote: Record_): void {
    const text = rowText(table, remote);
    const known = this.entries.some(
      (entry) =>
        entry.kind === 'changed_by_peer' &&
        entry.table === table.name &&
        entry.recordId === id &&
        entry.remote === text
    );
    if (known) return;
    const more = { remote: text, remoteAtMs: timeOf(remote) };
    this.add(peer, table, id, { kind: 'changed_by_peer', kept: 'local', ...more });
  }

  /** The peer took a record, and the first pull after it does not hold it. */
  notShown(peer: string, table: TableData, local: Record_, sent: Pending): void {
    const isPart = (name: string) => sent.kind === 'created' || sent.base[name] !== undefined;
    const cells = Object.fromEntries(Object.entries(local).filter(([name]) => isPart(name)));
    this.add(peer, table, String(local['id']), {
      kind: 'not_kept',
      kept: 'local',
      base: rowText(table, sent.base),
      local: rowText(table, cells),
      localAtMs: timeOf(local),
    });
  }

  /** Whether that was found since a time, and nobody has sent the record anew since. */
  wasNotShown(table: string, id: string, sinceMs: number): boolean {
    return this.entries.some(
      (entry) =>
        entry.table === table &&
        entry.recordId === id &&
        entry.atMs >= sinceMs &&
        didNotComeBack(entry) &&
        entry.undoneAtMs === null
    );
  }

  /** A record is known by another id now. */
  rename(table: string, from: string, to: string): void {
    for (const [at, entry] of this.entries.entries()) {
      if (entry.table !== table || entry.recordId !== from) continue;
      this.entries[at] = { ...entry, recordId: to };
    }
  }

  /** The entry, if it can be undone. */
  require(id: number): ConflictEntry {
    const entry = this.entries.find((one) => one.id === id);
    if (entry === undefined) throw failure('not_found', 'there is no such entry');
    if (entry.undoneAtMs !== null) throw failure('invalid_input', 'this entry was undone already');
    return entry;
  }

  undone(entry: ConflictEntry): void {
    this.entries[entry.id - 1] = { ...entry, undoneAtMs: this.now() };
  }

  private add(
    peer: string,
    table: TableData,
    recordId: string,
    more: Pick<ConflictEntry, 'kind' | 'kept'> & Partial<ConflictEntry>
  ): void {
    this.entries.push({
      id: this.entries.length + 1,
      atMs: this.now(),
      peer,
      table: table.name,
      recordId,
      column: null,
      base: null,
      local: null,
      remote: null,
      actor: this.actor(),
      localAtMs: null,
      remoteAtMs: null,
      undoneAtMs: null,
      ...more,
    });
  }
}

/** Whether a peer took the record, and a later pull did not hold it: here it is as it was sent. */
export const didNotComeBack = ({ kind, kept, column }: ConflictEntry): boolean =>
  kind === 'not_kept' && kept === 'local' && column === null;

/** Whether such an entry has the whole record. Of an edit it has what was edited, which the id never is. */
export const isWhole = ({ local }: ConflictEntry): boolean =>
  'id' in (JSON.parse(local ?? '{}') as object);

/** What such an entry's columns held before they were sent. */
export function baseOf(table: TableData, { base }: ConflictEntry): Record<string, Cell> {
  const cells = JSON.parse(base ?? '{}') as Record<string, Cell>;
  const values = Object.entries(cells).map(([name, cell]) => [name, given(table, name, cell)]);
  return Object.fromEntries(values) as Record<string, Cell>;
}

/** The columns of an entry with the value that did not stay. */
export function otherValues(table: TableData, entry: ConflictEntry): Record<string, Cell> {
  const isOurs = ['deleted_by_peer', 'not_kept'].includes(entry.kind) || entry.kept === 'remote';
  const text = isOurs ? entry.local : entry.remote;
  const value: unknown = JSON.parse(text ?? 'null');
  const cells = entry.column === null ? (value as Record<string, Cell>) : { [entry.column]: value };
  const taken = Object.entries(cells)
    .filter(([name]) => entry.column !== null || !STORES_OWN.includes(name))
    .map(([name, cell]) => [name, given(table, name, cell as Cell)]);
  return Object.fromEntries(taken) as Record<string, Cell>;
}

const isBool = (table: TableData, name: string) =>
  table.columns.find((column) => column.name === name)?.role === 'bool';

/** As the core keeps it: it knows no truth values, only 1 and 0. */
const asKept = (table: TableData, name: string, cell: Cell): Cell =>
  typeof cell === 'boolean' && isBool(table, name) ? Number(cell) : cell;

const given = (table: TableData, name: string, cell: Cell): Cell =>
  typeof cell === 'number' && isBool(table, name) ? cell !== 0 : cell;

function rowText(table: TableData, row: Record_): string {
  const names = table.columns.map(({ name }) => name).filter((name) => row[name] !== undefined);
  return JSON.stringify(
    Object.fromEntries(names.map((name) => [name, asKept(table, name, row[name] ?? null)]))
  );
}

function timeOf(row: Record_): number | null {
  const time = row['updated_at'];
  return typeof time === 'number' ? time : null;
}
