/** The peers of a vault in memory: who is signed in, and what became of what was synced. */
import type {
  ConflictEntry,
  PairedHub,
  QuarantinedRecord,
  RecordStanding,
  SignedInPerson,
  SyncReport,
  SyncStatus,
  TablePending,
} from '../NativeAmana.ts';
import type { ConflictRule } from '../vault.ts';
import type { Shared } from './exchange.ts';
import { exchange } from './exchange.ts';
import { failure } from './failure.ts';
import type { HubAddress } from './hub-address.ts';
import { baseOf, didNotComeBack, isWhole, MemoryLedger, otherValues } from './ledger.ts';
import { MemoryOrigins } from './origins.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import { PeerLink } from './peer-link.ts';
import type { MemoryPeer } from './peer-store.ts';
import type { MemoryRecords } from './records.ts';
import type { TableData } from './schema-data.ts';
import { requireTable } from './schema-data.ts';
import type { SyncRules } from './sync-rules.ts';
import { recordId } from './values.ts';

/** Who is signed in: at the cloud, or, without an address, at a hub alone. */
export interface SignedIn {
  readonly person: SignedInPerson;
  readonly url: string | null;
  readonly email: string;
  readonly password: string;
}

export class MemoryPeers {
  signedIn: SignedIn | null = null;
  private readonly shared: Shared;
  private readonly links = new Map<string, PeerLink>();
  private readonly rules: () => SyncRules;
  private readonly now: () => number;

  constructor(records: MemoryRecords, rules: () => SyncRules, now: () => number) {
    this.rules = rules;
    this.now = now;
    const ledger = new MemoryLedger(now, () => this.signedIn?.person.id ?? null);
    const origins = new MemoryOrigins(now);
    this.shared = { records, ledger, origins, sent: new Map(), absent: new Map() };
    this.link('cloud');
  }

  /** What is kept of a peer; begun where it is a new one. */
  link(peer: string): PeerLink {
    const known = this.links.get(peer) ?? new PeerLink(peer, this.now);
    this.links.set(peer, known);
    return known;
  }

  /** A hub that was paired, or the core's refusal. */
  requireHub(peer: string): PeerLink & { pinned: NonNullable<PeerLink['pinned']> } {
    const link = this.links.get(peer);
    if (link?.pinned == null) throw failure('not_found', 'this hub is not paired');
    return link as PeerLink & { pinned: NonNullable<PeerLink['pinned']> };
  }

  /** Refuses another key than the one that was pinned, and a second hub where a hub's word is the last. */
  checkKey(address: HubAddress): void {
    const known = this.links.get(`hub:${address.id}`)?.pinned;
    if (known == null && this.rules().lastWord === 'hub' && this.hubs().length > 0) {
      throw failure('invalid_input', 'a hub is paired whose word is the last: forget it first');
    }
    if (known == null || known.key === address.key) return;
    const why = 'a hub of this id was paired with another key: forget it first';
    throw failure('invalid_input', why);
  }

  pair(peer: string, address: HubAddress, name: string): PairedHub {
    const link = this.link(peer);
    // one that is paired again only has another address
    link.pinned = { ...address, name: link.pinned?.name ?? name };
    return { peer, name, url: address.url };
  }

  hubs(): PairedHub[] {
    return this.all().flatMap(({ peer, pinned }) =>
      pinned === null ? [] : [{ peer, name: pinned.name, url: pinned.url }]
    );
  }

  /** Forgets a peer, and what it has taken. What waits stays. */
  forget(peer: string): void {
    this.links.delete(peer);
    this.link('cloud');
    const { origins, sent } = this.shared;
    origins.forgetPeer(peer);
    for (const [key, note] of sent) if (note.peer === peer) sent.delete(key);
  }

  /** Whether a sync with a peer asks for everything, beside what a call wants. */
  isFullDue(peer: string): boolean {
    return this.link(peer).fullPullIsDue(this.signedIn?.person.id ?? '', this.rules());
  }

  /** Pulls and pushes. */
  exchange(peer: MemoryPeer, full: boolean): SyncReport {
    const { tables, conflicts } = this.rules();
    const link = this.link(peer.peer);
    const links = this.all();
    if (full) link.quarantine.releaseAll();
    const report = exchange({
      ...this.shared,
      peer,
      link,
      links,
      lastWord: this.hasLastWord(link),
      others: links.some((other) => other !== link && other.cursor > 0),
      full: full || this.isFullDue(peer.peer),
      person: this.signedIn?.person.id ?? '',
      ruleOf: (table): ConflictRule => tables?.[table] ?? conflicts ?? 'local',
      now: this.now,
    });
    link.noteSuccess();
    return report;
  }

  status(): SyncStatus {
    const { records, ledger, absent, sent } = this.shared;
    const waiting = records.outbox.roots();
    const isAside = (entry: Pending) =>
      this.all().some(({ quarantine }) => quarantine.reasonFor(entry) !== null);
    return {
      person: this.signedIn?.person ?? null,
      url: this.signedIn?.url ?? null,
      peers: this.all().map((link) => link.status(this.pendingFor(link))),
      pending: waiting.length,
      quarantined: waiting.filter(isAside).length,
      conflicts: ledger.count,
      absent: absent.size,
      unconfirmed: sent.size,
      pinMismatches: 0,
      syncing: this.all().some(({ running }) => running !== null),
    };
  }

  standing(tableName: string, given: string): RecordStanding {
    const { records, ledger, absent, sent } = this.shared;
    const table = requireTable(records.schema, tableName);
    const id = recordId(given) ?? '';
    const key = keyOf(tableName, id);
    const waits = records.outbox.find(tableName, id);
    const stored = records.find(tableName, id) !== null;
    if (waits === undefined && !stored) {
      throw failure('not_found', 'there is no such record', { at: tableName });
    }
    const absentSinceMs = absent.get(key) ?? null;
    const isLost = absentSinceMs !== null && ledger.wasNotShown(tableName, id, absentSinceMs);
    const takers =
      waits === undefined ? [] : this.all().filter(({ marks }) => marks.hasTaken(waits));
    const refusedBy = this.all().flatMap((link) => {
      const reason = waits === undefined ? null : link.quarantine.reasonFor(waits);
      return reason === null || takers.includes(link) ? [] : [{ peer: link.peer, reason }];
    });
    const settled = this.rules().lastWord === 'hub' ? 'on_hub' : 'in_cloud';
    const isSettled = waits === undefined && table.direction !== 'local' && !isLost;
    const taken = takers.some(({ kind }) => kind === 'cloud') ? 'in_cloud' : 'on_hub';
    return {
      standing: isSettled ? settled : takers.length > 0 ? taken : 'here_only',
      deleted: !stored,
      confirmed: waits === undefined && !sent.has(key) && !isLost,
      takenBy: takers.map(({ peer }) => peer),
      refusedBy,
      absentSinceMs,
    };
  }

  conflicts(after: number): ConflictEntry[] {
    return this.shared.ledger.list(after);
  }

  /** Takes the other value of an entry. The id of the record that has it. */
  undo(conflictId: number): string {
    const { records, ledger } = this.shared;
    const entry = ledger.require(conflictId);
    const table = requireTable(records.schema, entry.table);
    const id = this.takeOther(table, entry);
    ledger.undone(entry);
    return id;
  }

  private takeOther(table: TableData, entry: ConflictEntry): string {
    const { records } = this.shared;
    const id = entry.recordId;
    const values = otherValues(table, entry);
    const isLost = didNotComeBack(entry);
    if (records.find(table.name, id) !== null) {
      if (isLost) records.sendAgain(table, id, values, baseOf(table, entry));
      else records.change(table, id, values);
      return id;
    }
    if (entry.column !== null || (isLost && !isWhole(entry))) {
      throw failure('not_found', 'the record is gone, and this entry holds single columns of it', {
        at: entry.table,
      });
    }
    // a deletion that waits is taken back; one that any peer knows is not
    const waits = records.outbox.find(table.name, id);
    const isWaiting = waits?.kind === 'deleted' && !this.isTaken(waits);
    return records.bringBack(table, isWaiting ? id : null, values);
  }

  /** By table, record and peer. */
  quarantined(): QuarantinedRecord[] {
    const { records } = this.shared;
    const waiting = records.outbox.roots().filter(({ kind }) => kind !== 'deleted');
    const waitFor = ({ table, id }: Pending) =>
      waiting.reduce((sum, entry) => sum + this.references(entry, table, id), 0);
    const aside = this.all().flatMap(({ quarantine }) =>
      quarantine.list(records.outbox.all(), waitFor)
    );
    const key = (one: QuarantinedRecord) => `${keyOf(one.table, one.recordId)}/${one.peer}`;
    return aside.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  release(tableName: string, given: string): void {
    requireTable(this.shared.records.schema, tableName);
    const id = recordId(given) ?? '';
    if (!this.isAside(tableName, id)) {
      throw failure('not_found', 'this record was not put aside', { at: tableName });
    }
    this.releaseFor(tableName, id);
    this.releaseReferring(tableName, id);
  }

  releaseAll(): number {
    return this.all().reduce((sum, { quarantine }) => sum + quarantine.releaseAll(), 0);
  }

  /** A record that was put aside was edited: it, and what was refused because of it, have a chance again. */
  edited(tableName: string, id: string): void {
    if (this.isAside(tableName, id)) this.release(tableName, id);
  }

  /** A record was deleted here: that no pull shows it says nothing any more. */
  deleted(table: string, id: string): void {
    this.shared.absent.delete(keyOf(table, id));
  }

  /** Whether any peer has taken what waits: of a deletion it says so for good. */
  isTaken(entry: Pending): boolean {
    return this.all().some(({ marks }) => marks.hasTaken(entry));
  }

  /** By name, as the core has them. */
  private all(): PeerLink[] {
    return [...this.links.values()].sort((a, b) => (a.peer < b.peer ? -1 : 1));
  }

  private hasLastWord({ kind }: PeerLink): boolean {
    return kind === (this.rules().lastWord ?? 'cloud');
  }

  /** What a peer has not taken, by table. The cloud deletes by itself what goes with a deletion. */
  private pendingFor(link: PeerLink): TablePending[] {
    const { records } = this.shared;
    const entries = link.kind === 'cloud' ? records.outbox.roots() : records.outbox.all();
    const waiting = entries.filter(
      (entry) => this.hasLastWord(link) || !link.marks.hasTaken(entry)
    );
    const aside = waiting.filter((entry) => link.quarantine.reasonFor(entry) !== null);
    const of = (some: readonly Pending[], name: string) =>
      some.filter(({ table }) => table === name).length;
    return records.schema.tables
      .map(({ name }) => ({
        table: name,
        pending: of(waiting, name),
        quarantined: of(aside, name),
      }))
      .filter(({ pending }) => pending > 0);
  }

  private isAside(table: string, id: string): boolean {
    return this.all().some(({ quarantine }) => quarantine.holds(table, id));
  }

  private releaseFor(table: string, id: string): void {
    for (const { quarantine } of this.all()) quarantine.release(table, id);
  }

  private releaseReferring(tableName: string, id: string): void {
    for (const entry of this.shared.records.outbox.all()) {
      if (this.references(entry, tableName, id) > 0) this.releaseFor(entry.table, entry.id);
    }
  }

  /** In how many columns a record refers to another one. */
  private references({ table, id }: Pending, to: string, wanted: string): number {
    const { records } = this.shared;
    const { columns } = requireTable(records.schema, table);
    const row = records.find(table, id);
    return columns.filter(({ name, ref }) => ref === to && row?.[name] === wanted).length;
  }
}
