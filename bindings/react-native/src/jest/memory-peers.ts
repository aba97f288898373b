/** The peers of a vault in memory: who is signed in, and what became of what was synced. */
import type { AmanaErrorCode } from '../errors.ts';
import type {
  ConflictEntry,
  QuarantinedRecord,
  RecordStanding,
  SignedInPerson,
  SyncReport,
  SyncStatus,
} from '../NativeAmana.ts';
import type { ConflictRule } from '../vault.ts';
import type { MemoryCloud } from './cloud.ts';
import { exchange } from './exchange.ts';
import { failure, NativeFailure } from './failure.ts';
import { MemoryLedger, otherValues } from './ledger.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';
import { MemoryQuarantine } from './quarantine.ts';
import type { MemoryRecords } from './records.ts';
import type { TableData } from './schema-data.ts';
import { requireTable } from './schema-data.ts';
import type { SyncRules } from './sync-rules.ts';
import { recordId } from './values.ts';

export class MemoryPeers {
  signedIn: { readonly person: SignedInPerson; readonly url: string } | null = null;
  syncing: Promise<SyncReport> | null = null;
  private readonly quarantine: MemoryQuarantine;
  private readonly ledger: MemoryLedger;
  private readonly unconfirmed = new Map<string, Pending>();
  private readonly records: MemoryRecords;
  private readonly rules: () => SyncRules;
  private readonly now: () => number;
  private lastSuccessMs: number | null = null;
  private lastAttemptMs: number | null = null;
  private lastError: AmanaErrorCode | null = null;
  private failures = 0;

  constructor(records: MemoryRecords, rules: () => SyncRules, now: () => number) {
    this.records = records;
    this.quarantine = new MemoryQuarantine(now);
    this.rules = rules;
    this.now = now;
    this.ledger = new MemoryLedger(now, () => this.signedIn?.person.id ?? null);
  }

  /** Pulls and pushes, and takes note of how it ended. */
  exchange(cloud: MemoryCloud): SyncReport {
    const { records, ledger, quarantine, unconfirmed } = this;
    const { tables, conflicts } = this.rules();
    const ruleOf = (table: string): ConflictRule => tables?.[table] ?? conflicts ?? 'local';
    const report = exchange({ cloud, records, ledger, quarantine, unconfirmed, ruleOf });
    this.lastSuccessMs = this.lastAttemptMs = this.now();
    this.lastError = null;
    this.failures = 0;
    return report;
  }

  /** A sync that was stopped has not failed. */
  noteFailure(error: unknown): void {
    if (!(error instanceof NativeFailure)) return;
    if (error.code === 'cancelled' || error.code === 'locked') return;
    this.lastAttemptMs = this.now();
    this.lastError = error.code;
    this.failures++;
  }

  status(): SyncStatus {
    const waiting = this.records.outbox.roots();
    const aside = waiting.filter((entry) => this.quarantine.reasonFor(entry) !== null);
    const of = (entries: readonly Pending[], name: string) =>
      entries.filter(({ table }) => table === name).length;
    const pending = this.records.schema.tables
      .map(({ name }) => ({
        table: name,
        pending: of(waiting, name),
        quarantined: of(aside, name),
      }))
      .filter((table) => table.pending > 0);
    const syncing = this.syncing !== null;
    return {
      person: this.signedIn?.person ?? null,
      url: this.signedIn?.url ?? null,
      peers: [
        {
          peer: 'cloud',
          syncing,
          cursor: this.lastSuccessMs ?? 0,
          skewMs: 0,
          lastSuccessMs: this.lastSuccessMs,
          lastAttemptMs: this.lastAttemptMs,
          lastFullMs: this.lastSuccessMs,
          lastError: this.lastError,
          failures: this.failures,
          nextTryMs: null,
          pending,
        },
      ],
      pending: waiting.length,
      quarantined: aside.length,
      conflicts: this.ledger.count,
      absent: 0,
      unconfirmed: this.unconfirmed.size,
      pinMismatches: 0,
      syncing,
    };
  }

  standing(tableName: string, given: string): RecordStanding {
    const table = requireTable(this.records.schema, tableName);
    const id = recordId(given) ?? '';
    const waits = this.records.outbox.find(tableName, id);
    const stored = this.records.find(tableName, id) !== null;
    if (waits === undefined && !stored) {
      throw failure('not_found', 'there is no such record', { at: tableName });
    }
    const reason = waits === undefined ? null : this.quarantine.reasonFor(waits);
    return {
      standing: waits === undefined && table.direction !== 'local' ? 'in_cloud' : 'here_only',
      deleted: !stored,
      confirmed: waits === undefined && !this.unconfirmed.has(keyOf(tableName, id)),
      takenBy: [],
      refusedBy: reason === null ? [] : [{ peer: 'cloud', reason }],
      absentSinceMs: null,
    };
  }

  conflicts(after: number): ConflictEntry[] {
    return this.ledger.list(after);
  }

  /** Takes the other value of an entry. The id of the record that has it. */
  undo(conflictId: number): string {
    const { records, ledger } = this;
    const entry = ledger.require(conflictId);
    const table = requireTable(records.schema, entry.table);
    const id = this.takeOther(table, entry);
    ledger.undone(entry);
    return id;
  }

  private takeOther(table: TableData, entry: ConflictEntry): string {
    const { records } = this;
    const id = entry.recordId;
    const values = otherValues(table, entry);
    if (records.find(table.name, id) !== null) {
      records.change(table, id, values);
      return id;
    }
    if (entry.column !== null) {
      throw failure('not_found', 'the record is gone, and this entry holds single columns of it', {
        at: entry.table,
      });
    }
    // a deletion that waits is taken back; one that the cloud knows is not
    const isWaiting = records.outbox.find(table.name, id)?.kind === 'deleted';
    return records.bringBack(table, isWaiting ? id : null, values);
  }

  quarantined(): QuarantinedRecord[] {
    const { records } = this;
    const waiting = records.outbox.roots().filter(({ kind }) => kind !== 'deleted');
    return this.quarantine.list(records.outbox.roots(), ({ table, id }) =>
      waiting.reduce((sum, entry) => sum + this.references(entry, table, id), 0)
    );
  }

  release(tableName: string, given: string): void {
    requireTable(this.records.schema, tableName);
    const id = recordId(given) ?? '';
    if (!this.quarantine.holds(tableName, id)) {
      throw failure('not_found', 'this record was not put aside', { at: tableName });
    }
    this.quarantine.release(tableName, id);
    this.releaseReferring(tableName, id);
  }

  releaseAll(): number {
    return this.quarantine.releaseAll();
  }

  /** A record that was put aside was edited: it, and what was refused because of it, have a chance again. */
  edited(tableName: string, id: string): void {
    if (this.quarantine.holds(tableName, id)) this.release(tableName, id);
  }

  private releaseReferring(tableName: string, id: string): void {
    for (const entry of this.records.outbox.all()) {
      if (this.references(entry, tableName, id) > 0) this.quarantine.release(entry.table, entry.id);
    }
  }

  /** In how many columns a record refers to another one. */
  private references({ table, id }: Pending, to: string, wanted: string): number {
    const { columns } = requireTable(this.records.schema, table);
    const row = this.records.find(table, id);
    return columns.filter(({ name, ref }) => ref === to && row?.[name] === wanted).length;
  }
}
