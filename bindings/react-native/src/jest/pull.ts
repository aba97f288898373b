/** The pull of a sync in memory: what a peer says, merged into what is stored; the core's rules. */
import type { Counts, Exchange } from './exchange.ts';
import type { Record_ } from './filter.ts';
import { meetKey } from './natural-key.ts';
import type { HeldColumns } from './marks.ts';
import type { Merged } from './merge.ts';
import { merge, notKept, wholeRow } from './merge.ts';
import { versionOf } from './origins.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import type { Change } from './peer-store.ts';
import { notComeBack, sweep } from './reconcile.ts';
import type { MemoryRecords, PulledInto } from './records.ts';
import type { TableData } from './schema-data.ts';
import type { Cell } from './values.ts';

/** Asked for once more: what was being written while a server answered may carry an earlier time. */
const OVERLAP_MS = 5 * 60 * 1000;

/** Asks for what changed, or everything, or, from a cloud, which announces no deletions with it, both. */
export function pull(parts: Exchange, report: Counts): void {
  const { link, full } = parts;
  const changes = link.cursor > 0 && !(full && link.kind === 'hub');
  if (changes) pullOnce(parts, report, false);
  if (full) pullOnce(parts, report, true);
}

function pullOnce(parts: Exchange, report: Counts, full: boolean): void {
  const { records, peer, link } = parts;
  const seen = new Set<string>();
  const isEmpty = records.isEmpty();
  const after = full ? 0 : Math.max(1, link.cursor - OVERLAP_MS);
  const announces = !full || link.kind === 'hub';
  report.requests++;
  records.fromPeer((store) => {
    const pulled = new Pulled(parts, store, report, full);
    for (const table of records.schema.tables) {
      if (table.direction === 'local') continue;
      for (const change of peer.changes(table.name, after)) {
        if (change.row === null && !announces) continue;
        seen.add(keyOf(table.name, pulled.take(table, change)));
      }
    }
    notComeBack(parts, report, full);
    if (full && link.kind === 'cloud' && !isEmpty) {
      sweep(parts, seen, report, (table, id) => pulled.remove(table, id));
    }
  });
  link.notePull(peer.tick(), full ? parts.person : null);
}

/** A pull while it is applied. */
class Pulled {
  private readonly parts: Exchange;
  private readonly store: PulledInto;
  private readonly report: Counts;
  private readonly full: boolean;

  constructor(parts: Exchange, store: PulledInto, report: Counts, full: boolean) {
    this.parts = parts;
    this.store = store;
    this.report = report;
    this.full = full;
  }

  /** Takes what the peer says of one record; the id by which it is known here. */
  take(table: TableData, { id: said, row }: Change): string {
    const { absent, report } = { ...this.parts, report: this.report };
    absent.delete(keyOf(table.name, said));
    if (row === null || row['is_deleted'] === true || row['is_deleted'] === 1) {
      report.pulledDeletions++;
      this.delete(table, said);
      return said;
    }
    report.pulled++;
    const id = meetKey(this.parts, this.store, table, said, row, report);
    this.upsert(table, id, row);
    return id;
  }

  /** Removes a record and all that is noted of it; whether there was one. */
  remove(table: TableData, id: string): boolean {
    const { records, ledger, link, links, sent, origins, absent, lastWord, others } = this.parts;
    const key = keyOf(table.name, id);
    const [local, pending] = [records.find(table.name, id), records.outbox.find(table.name, id)];
    if (local !== null && (pending !== undefined || sent.has(key))) {
      ledger.deletedByPeer(link.peer, table, local);
      this.report.lostEdits++;
    }
    if (pending?.kind === 'deleted' && !lastWord) {
      // the one with the last word has yet to be told
      link.marks.take(pending, null);
    } else {
      records.outbox.remove(table.name, id);
      for (const one of links) {
        one.quarantine.forget(table.name, id);
        one.marks.forget(table.name, id);
      }
    }
    sent.delete(key);
    absent.delete(key);
    if (others && local !== null) {
      origins.put(key, link.peer, versionOf(local), true, versionOf(local));
    }
    return this.store.remove(table.name, id);
  }

  /** With its children, as the peer has deleted them. */
  private delete(table: TableData, id: string): void {
    const children = descendants(this.parts.records, table, id);
    if (this.remove(table, id)) this.report.deleted++;
    // what goes with its parent is not counted
    for (const child of children) this.remove(child.table, child.id);
  }

  private upsert(table: TableData, id: string, remote: Record_): void {
    const { parts, report, full } = this;
    const { records, ledger, origins, link, lastWord } = parts;
    const key = keyOf(table.name, id);
    const asked = { peer: link.peer, lastWord, full };
    const pending = records.outbox.find(table.name, id) ?? null;
    const local = records.find(table.name, id);
    if (local === null && pending === null && this.isBuried(table, remote)) {
      ledger.changedByPeer(link.peer, table, id, remote);
      report.unchanged++;
      return;
    }
    const isOlder =
      parts.others && origins.outdates(key, table, asked, remote, pending === null ? local : null);
    this.verify(table, id, remote, isOlder);
    if (isOlder) {
      report.unchanged++;
      origins.heard(key, asked, versionOf(remote), false);
      return;
    }
    if (pending?.kind === 'deleted') {
      const isNewer = Number(remote['updated_at'] ?? 0) > Number(pending.base['updated_at'] ?? 0);
      if (isNewer) ledger.changedByPeer(link.peer, table, id, remote);
      report.unchanged++;
      return;
    }
    const before = pending === null ? versionOf(local) : null;
    const wrote =
      local === null
        ? this.insert(table, id, remote)
        : this.update(table, id, local, pending, remote);
    if (!parts.others) return;
    if (wrote) origins.put(key, link.peer, versionOf(remote), false, before);
    else origins.heard(key, asked, versionOf(remote), true);
  }

  private insert(table: TableData, id: string, remote: Record_): boolean {
    this.store.write(table.name, id, { ...wholeRow(table, remote), id });
    this.report.inserted++;
    return true;
  }

  private update(
    table: TableData,
    id: string,
    local: Record_,
    pending: Pending | null,
    remote: Record_
  ): boolean {
    const { ledger, link, lastWord, ruleOf } = this.parts;
    const { seen, held }: { seen: Pending | null; held: HeldColumns } =
      pending === null || lastWord
        ? { seen: pending, held: new Map() }
        : link.marks.asSeen(pending, local);
    const merged = merge(table, local, seen, remote, ruleOf(table.name), held);
    for (const conflict of merged.conflicts) {
      ledger.column(link.peer, 'both_changed', table, local, remote, conflict);
    }
    this.report.conflicts += merged.conflicts.length;
    const row = { ...(local as Record<string, Cell>), ...merged.cells };
    if (pending !== null && merged.isNews) this.settle(pending, merged, row, remote);
    if (Object.keys(merged.cells).length === 0) {
      this.report.unchanged++;
      return false;
    }
    this.store.write(table.name, id, row);
    this.report.updated++;
    return true;
  }

  /** What waits after a merge: the bases are the peer's, in the entry itself for the last word, else in a mark. */
  private settle(pending: Pending, merged: Merged, row: Record_, remote: Record_): void {
    const { records, link, links, lastWord, others } = this.parts;
    const names = Object.keys(merged.cells);
    const isEntrys = (name: string) =>
      pending.kind === 'created' || name === 'updated_at' || pending.base[name] !== undefined;
    const isOther = names.some(isEntrys) && (!lastWord || others);
    const waits = lastWord ? merged.pending : pending;
    if (waits === null) {
      records.outbox.remove(pending.table, pending.id);
      for (const one of links) one.marks.forget(pending.table, pending.id);
      return;
    }
    const revision = isOther ? ++records.revision : pending.revision;
    records.outbox.put({ ...waits, revision });
    if (lastWord) return;
    // it has said what it holds; the others are sent what is stored now
    if (isOther) link.marks.follow(pending, revision);
    link.marks.noteSeen({ ...pending, revision }, row, remote);
  }

  /** Whether the peer kept an edit: what it holds instead is taken, and both are in the ledger. */
  private verify(table: TableData, id: string, remote: Record_, isOlder: boolean): void {
    const { records, ledger, link, sent } = this.parts;
    const found = sent.get(keyOf(table.name, id));
    // another peer cannot confirm it
    if (found?.peer !== link.peer) return;
    sent.delete(keyOf(table.name, id));
    const local = records.find(table.name, id);
    if (isOlder || local === null || found.entry.kind !== 'updated') return;
    const again = records.outbox.find(table.name, id)?.base ?? {};
    const lost = notKept(table, local, found.entry, remote).filter(
      ({ column }) => !(column.name in again)
    );
    for (const conflict of lost) {
      ledger.column(link.peer, 'not_kept', table, local, remote, conflict);
    }
    if (lost.length > 0) this.report.notKept++;
  }

  /** Whether it belongs to a record that was deleted, and that the peer does not know of yet. */
  private isBuried(table: TableData, remote: Record_): boolean {
    const { records, origins, link, lastWord } = this.parts;
    return records.schema.tables.some((parent) =>
      (parent.children ?? []).some((child) => {
        const id = remote[child.column];
        if (child.table !== table.name || typeof id !== 'string') return false;
        if (records.outbox.find(parent.name, id)?.kind === 'deleted') return true;
        // a hub keeps the children of what was deleted in the cloud
        return !lastWord && origins.isGoneBy(keyOf(parent.name, id), link.peer);
      })
    );
  }
}

function descendants(
  records: MemoryRecords,
  table: TableData,
  id: string
): ReturnType<MemoryRecords['childrenOf']> {
  const children = records.childrenOf(table, id);
  return children.flatMap((child) => [child, ...descendants(records, child.table, child.id)]);
}
