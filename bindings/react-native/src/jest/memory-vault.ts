/** One vault in memory: what outlives a lock, and what does not. */
import type { RefusalReport } from '../NativeAmana.ts';
import { failure, NativeFailure } from './failure.ts';
import { refusalOf } from './health.ts';
import { MemoryKv } from './kv.ts';
import { MemoryPeers } from './memory-peers.ts';
import { MemoryPeople } from './people.ts';
import type { Touched } from './records.ts';
import { MemoryRecords } from './records.ts';
import type { SchemaData } from './schema-data.ts';
import type { SyncRules } from './sync-rules.ts';

/** Who hears of what happens in a vault. */
export interface VaultEvents {
  records(touched: Touched[], fromPeer: boolean, revision: number): void;
  values(space: string, keys: string[] | null): void;
  state(state: string): void;
}

export class MemoryVault {
  readonly name: string;
  readonly now: () => number;
  readonly handles = new Set<number>();
  readonly events: VaultEvents;
  /** Ends what runs and can be ended. */
  readonly stops = new Set<() => void>();
  state: 'locked' | 'unlocked' | 'closed' = 'locked';
  /** Null as long as nobody has made it. */
  policy: 'device' | 'person' | null = null;
  people: MemoryPeople;
  kv: MemoryKv;
  records: MemoryRecords;
  peers: MemoryPeers;
  /** How conflicts are settled: by the configuration of the vault's last opening. */
  rules: SyncRules = {};
  refusal: RefusalReport | null = null;
  /** What opens it by recovery: the answer to the last request. */
  recovery: { readonly answer: string } | null = null;
  /** Nothing of its database can be read. */
  isDamaged = false;

  constructor(name: string, schema: SchemaData, now: () => number, events: VaultEvents) {
    this.name = name;
    this.now = now;
    this.events = events;
    this.people = new MemoryPeople(now);
    this.kv = this.makeKv();
    this.records = this.makeRecords(schema);
    this.peers = this.makePeers();
  }

  /** Everything in it is gone. */
  empty(): void {
    this.policy = null;
    this.people = new MemoryPeople(this.now);
    this.isDamaged = false;
    this.forgetData();
    this.refusal = null;
    this.set('locked');
  }

  /** All that the database held. */
  forgetData(): void {
    this.kv = this.makeKv();
    this.records = this.makeRecords(this.records.schema);
    this.peers = this.makePeers();
  }

  requireUnlocked(): void {
    if (this.state !== 'unlocked') throw failure('locked', 'the vault is locked');
  }

  requireMade(): void {
    if (this.policy === null) throw failure('not_found', 'there is no vault');
  }

  /** For an opening whose key is right. */
  requireDatabase(): void {
    if (this.isDamaged) throw failure('database_damaged', 'the database is damaged');
  }

  set(state: 'locked' | 'unlocked' | 'closed'): void {
    if (state !== 'unlocked') this.kv.forgetSession();
    if (this.state === state) return;
    this.state = state;
    this.events.state(state);
  }

  /** Keeps what a refused opening said beyond its code. */
  opening<T>(work: () => T): T {
    try {
      const result = work();
      this.refusal = null;
      return result;
    } catch (error) {
      if (error instanceof NativeFailure) this.refusal = refusalOf(this, error);
      throw error;
    }
  }

  private makeKv(): MemoryKv {
    return new MemoryKv(this.now, (space, keys) => this.events.values(space, keys));
  }

  private makeRecords(schema: SchemaData): MemoryRecords {
    const records: MemoryRecords = new MemoryRecords(schema, this.now, {
      changed: (touched, fromPeer) => this.events.records(touched, fromPeer, records.revision),
      editedAgain: (table, id) => this.peers.edited(table, id),
      deleted: (table, id) => this.peers.deleted(table, id),
      isTaken: (entry) => this.peers.isTaken(entry),
    });
    return records;
  }

  private makePeers(): MemoryPeers {
    return new MemoryPeers(this.records, () => this.rules, this.now);
  }
}
