/** One sync with the cloud in memory: pull, merge, push; the core's order and its rules. */
import type { SyncReport } from '../NativeAmana.ts';
import type { ConflictRule } from '../vault.ts';
import type { MemoryCloud } from './cloud.ts';
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';
import type { MemoryLedger } from './ledger.ts';
import { merge, notKept, wholeRow } from './merge.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import type { MemoryQuarantine } from './quarantine.ts';
import type { MemoryRecords, PulledInto } from './records.ts';
import type { TableData } from './schema-data.ts';
import type { Cell } from './values.ts';

/** What a sync works on. */
export interface Exchange {
  readonly cloud: MemoryCloud;
  readonly records: MemoryRecords;
  readonly ledger: MemoryLedger;
  readonly quarantine: MemoryQuarantine;
  /** What was pushed and no pull has shown since, by key. */
  readonly unconfirmed: Map<string, Pending>;
  readonly ruleOf: (table: string) => ConflictRule;
}

type Counts = { -readonly [K in keyof SyncReport]: SyncReport[K] };

/** So many records refused, and not one taken: the cloud is down, and none of them is bad. */
const OUTAGE = 8;

/** Pulls, then pushes. What was pulled stays where the push fails. */
export function exchange(parts: Exchange): SyncReport {
  const report = nothingYet();
  parts.cloud.cascade(parts.records.schema);
  parts.records.fromPeer((store) => {
    for (const table of parts.records.schema.tables) {
      if (table.direction === 'local') continue;
      for (const { id, row } of parts.cloud.changes(table.name)) {
        const sent = parts.unconfirmed.get(keyOf(table.name, id));
        parts.unconfirmed.delete(keyOf(table.name, id));
        if (row === null || row['is_deleted'] === true || row['is_deleted'] === 1) {
          report.pulledDeletions++;
          pullDeletion(parts, store, table, id, report);
        } else {
          report.pulled++;
          if (sent !== undefined) verify(parts, table, sent, row, report);
          pullRow(parts, store, table, id, row, report);
        }
      }
    }
  });
  push(parts, report);
  return report;
}

/** Whether the cloud kept an edit: what it holds instead is taken, and both are in the ledger. */
function verify(
  { records, ledger }: Exchange,
  table: TableData,
  sent: Pending,
  remote: Record_,
  report: Counts
): void {
  const local = records.find(table.name, sent.id);
  if (local === null || sent.kind !== 'updated') return;
  const again = records.outbox.find(table.name, sent.id)?.base ?? {};
  const lost = notKept(table, local, sent, remote).filter(({ column }) => !(column.name in again));
  for (const conflict of lost) ledger.column('not_kept', table, local, remote, conflict);
  if (lost.length > 0) report.notKept++;
}

function pullRow(
  { records, ledger, ruleOf }: Exchange,
  store: PulledInto,
  table: TableData,
  id: string,
  remote: Record_,
  report: Counts
): void {
  const pending = records.outbox.find(table.name, id) ?? null;
  const local = records.find(table.name, id);
  if (pending?.kind === 'deleted') {
    const isNewer = Number(remote['updated_at'] ?? 0) > Number(pending.base['updated_at'] ?? 0);
    if (isNewer) ledger.changedByPeer(table, id, remote);
    report.unchanged++;
    return;
  }
  if (local === null) {
    store.write(table.name, id, { ...wholeRow(table, remote), id });
    report.inserted++;
    return;
  }
  const merged = merge(table, local, pending, remote, ruleOf(table.name));
  for (const conflict of merged.conflicts) {
    ledger.column('both_changed', table, local, remote, conflict);
  }
  report.conflicts += merged.conflicts.length;
  if (merged.pending !== null) records.outbox.put(merged.pending);
  else records.outbox.remove(table.name, id);
  if (Object.keys(merged.cells).length === 0) {
    report.unchanged++;
  } else {
    store.write(table.name, id, { ...(local as Record<string, Cell>), ...merged.cells });
    report.updated++;
  }
}

/** With its children, as the cloud has deleted them. */
function pullDeletion(
  parts: Exchange,
  store: PulledInto,
  table: TableData,
  id: string,
  report: Counts
): void {
  const children = descendants(parts.records, table, id);
  if (removeFor(parts, store, table, id, report)) report.deleted++;
  // what goes with its parent is not counted
  for (const child of children) removeFor(parts, store, child.table, child.id, report);
}

function descendants(
  records: MemoryRecords,
  table: TableData,
  id: string
): ReturnType<MemoryRecords['childrenOf']> {
  const children = records.childrenOf(table, id);
  return children.flatMap((child) => [child, ...descendants(records, child.table, child.id)]);
}

function removeFor(
  { records, ledger, quarantine }: Exchange,
  store: PulledInto,
  table: TableData,
  id: string,
  report: Counts
): boolean {
  const [local, pending] = [records.find(table.name, id), records.outbox.find(table.name, id)];
  if (local !== null && pending !== undefined) {
    ledger.deletedByPeer(table, local);
    report.lostEdits++;
  }
  records.outbox.remove(table.name, id);
  quarantine.forget(table.name, id);
  return store.remove(table.name, id);
}

function push(parts: Exchange, report: Counts): void {
  const { records, quarantine, cloud, unconfirmed } = parts;
  const order = new Map(records.schema.tables.map(({ name }, place) => [name, place]));
  const place = ({ table, kind, revision }: Pending) =>
    [kind === 'deleted' ? 1 : 0, order.get(table) ?? 0, revision] as const;
  const waiting = records.outbox.roots().toSorted((a, b) => compare(place(a), place(b)));
  // new records that the cloud does not have: what refers to them waits
  const missing = new Set<string>();
  const refused: { readonly entry: Pending; readonly reason: string }[] = [];
  for (const entry of waiting) {
    const { table, id, kind } = entry;
    const row = kind === 'deleted' ? null : records.find(table, id);
    const rests = quarantine.rests(entry);
    const waits = !rests && row !== null && refersToAny(parts, table, row, missing);
    const reason = rests || waits ? null : cloud.refusal(table, id, row);
    if (waits) report.waiting++;
    if (reason !== null) refused.push({ entry, reason });
    if (rests || waits || reason !== null) {
      if (kind === 'created') missing.add(keyOf(table, id));
      continue;
    }
    if (row === null) {
      cloud.delete(table, id);
      report.pushedDeletions++;
    } else {
      cloud.put(table, row as Record_ & { readonly id: string });
      report.pushed++;
      unconfirmed.set(keyOf(table, id), entry);
    }
    records.outbox.remove(table, id);
    quarantine.forget(table, id);
  }
  cloud.cascade(records.schema);
  conclude(parts, refused, report);
}

/** What becomes of records that were refused, each by itself. */
function conclude(
  { quarantine }: Exchange,
  refused: readonly { readonly entry: Pending; readonly reason: string }[],
  report: Counts
): void {
  const taken = report.pushed + report.pushedDeletions > 0;
  const strange = refused.filter(({ entry }) => !taken && !quarantine.isKnown(entry));
  const isOutage = strange.length >= OUTAGE;
  let unsettled = 0;
  for (const { entry, reason } of refused) {
    const isStrange = strange.some((one) => one.entry === entry);
    if (isStrange && (isOutage || !quarantine.suspect(entry))) {
      unsettled++;
      continue;
    }
    quarantine.putAside(entry, reason, taken);
    report.quarantined++;
  }
  if (unsettled > 0) throw failure('server', 'the server could not take the records');
}

/** Whether a record refers to one of these. */
function refersToAny(
  { records }: Exchange,
  tableName: string,
  row: Record_,
  keys: ReadonlySet<string>
): boolean {
  const table = records.schema.tables.find(({ name }) => name === tableName);
  return (table?.columns ?? []).some(
    ({ name, ref }) => ref !== undefined && keys.has(keyOf(ref, String(row[name] ?? '')))
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

const nothingYet = (): Counts => ({
  peer: 'cloud',
  pulled: 0,
  pulledDeletions: 0,
  bytes: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  conflicts: 0,
  lostEdits: 0,
  notKept: 0,
  adopted: 0,
  gone: 0,
  absent: 0,
  refused: 0,
  refusedRights: 0,
  unreadable: 0,
  pushed: 0,
  pushedDeletions: 0,
  quarantined: 0,
  waiting: 0,
  requests: 2,
});
