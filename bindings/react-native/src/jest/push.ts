/** The push of a sync in memory: what waits, in the core's order, and what becomes of what is refused. */
import type { Counts, Exchange } from './exchange.ts';
import { failure } from './failure.ts';
import type { Record_ } from './filter.ts';
import { versionOf } from './origins.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import { requireTable } from './schema-data.ts';

interface Refused {
  readonly entry: Pending;
  readonly reason: string;
  /** How many the peer had taken before. */
  readonly before: number;
}

/** So many records refused, and not one taken: the peer is down, and none of them is bad. */
const OUTAGE = 8;

export function push(parts: Exchange, report: Counts): void {
  const { records, peer, link } = parts;
  // new records that the peer does not have: what refers to them waits
  const missing = new Set<string>();
  const refused: Refused[] = [];
  report.requests++;
  for (const entry of inOrder(parts)) {
    const { table, id, kind } = entry;
    const row = kind === 'deleted' ? null : records.find(table, id);
    const rests = link.quarantine.rests(entry);
    const waits = !rests && row !== null && refersToAny(parts, table, row, missing);
    const reason = rests || waits ? null : peer.refusal(table, id, row);
    if (waits) report.waiting++;
    if (reason !== null) refused.push({ entry, reason, before: takenIn(report) });
    if (rests || waits || reason !== null) {
      if (kind === 'created') missing.add(keyOf(table, id));
      continue;
    }
    if (row === null) {
      peer.delete(table, id);
      report.pushedDeletions++;
    } else {
      peer.take(requireTable(records.schema, table), row as Record_ & { readonly id: string });
      report.pushed++;
    }
    if (parts.lastWord) settle(parts, entry, row);
    else link.marks.take(entry, row);
    link.quarantine.forget(table, id);
  }
  conclude(parts, refused, report);
}

function takenIn({ pushed, pushedDeletions }: Counts): number {
  return pushed + pushedDeletions;
}

/** Parents first, deletions last; at a hub, which removes no children by itself, those of children first. */
function inOrder({ records, link, lastWord }: Exchange): readonly Pending[] {
  const isHub = link.kind === 'hub';
  const order = new Map(records.schema.tables.map(({ name }, place) => [name, place]));
  const place = ({ table, kind, revision }: Pending) => {
    const at = order.get(table) ?? 0;
    return kind === 'deleted' ? [1, isHub ? -at : at, revision] : [0, at, revision];
  };
  const entries = isHub ? records.outbox.all() : records.outbox.roots();
  return entries
    .filter((entry) => lastWord || !link.marks.hasTaken(entry))
    .toSorted((a, b) => compare(place(a), place(b)));
}

/** The peer with the last word has it: nobody else needs to be told. */
function settle(parts: Exchange, entry: Pending, row: Record_ | null): void {
  const { records, links, link, origins, sent, others } = parts;
  const { table, id } = entry;
  const along = row === null ? records.outbox.takenAlong(table, id) : [];
  if (row !== null) sent.set(keyOf(table, id), { peer: link.peer, entry });
  for (const one of [entry, ...along]) {
    if (others) {
      const version = versionOf(row ?? one.base);
      origins.put(keyOf(one.table, one.id), link.peer, version, row === null, null);
    }
    for (const other of links) {
      other.marks.forget(one.table, one.id);
      other.quarantine.forget(one.table, one.id);
    }
  }
  records.outbox.remove(table, id);
}

/**
 * What becomes of records that were refused, each by itself. Where the peer took another one after it, it is
 * the record; else the peer may have been down for a moment.
 */
function conclude({ link }: Exchange, refused: readonly Refused[], report: Counts): void {
  const { quarantine } = link;
  const taken = takenIn(report);
  const strange = refused.filter(({ entry }) => taken === 0 && !quarantine.isKnown(entry));
  const isOutage = strange.length >= OUTAGE;
  let unsettled = 0;
  for (const { entry, reason, before } of refused) {
    const isStrange = strange.some((one) => one.entry === entry);
    if (isStrange && (isOutage || !quarantine.suspect(entry))) {
      unsettled++;
      continue;
    }
    quarantine.putAside(entry, reason, taken > before);
    report.quarantined++;
  }
  if (unsettled > 0) throw failure('server', 'the server could not take the records');
}

/** Whether a record refers to one of these. */
function refersToAny(
  { records }: Exchange,
  table: string,
  row: Record_,
  keys: ReadonlySet<string>
): boolean {
  return requireTable(records.schema, table).columns.some(
    ({ name, ref }) => ref !== undefined && keys.has(keyOf(ref, String(row[name] ?? '')))
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
