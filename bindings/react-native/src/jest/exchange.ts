/** One sync with a peer in memory: pull, merge, push; the core's order and its rules. */
import type { SyncReport } from '../NativeAmana.ts';
import type { ConflictRule } from '../vault.ts';
import type { MemoryLedger } from './ledger.ts';
import type { MemoryOrigins } from './origins.ts';
import type { Pending } from './outbox.ts';
import type { PeerLink } from './peer-link.ts';
import type { MemoryPeer } from './peer-store.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import type { MemoryRecords } from './records.ts';

/** What a peer took and no pull has shown since. */
export interface Sent {
  readonly peer: string;
  readonly entry: Pending;
}

/** What of a vault is not one peer's alone. */
export interface Shared {
  readonly records: MemoryRecords;
  readonly ledger: MemoryLedger;
  readonly origins: MemoryOrigins;
  /** By key. */
  readonly sent: Map<string, Sent>;
  /** What pulls of everything do not show, by key: since when. */
  readonly absent: Map<string, number>;
}

/** What a sync works on. */
export interface Exchange extends Shared {
  readonly peer: MemoryPeer;
  readonly link: PeerLink;
  /** Of every peer of the vault, this one included. */
  readonly links: readonly PeerLink[];
  /** Whether what this peer has taken needs to be sent nowhere else. */
  readonly lastWord: boolean;
  /** Whether another peer was ever pulled from. */
  readonly others: boolean;
  /** Whether to ask for everything. */
  readonly full: boolean;
  readonly person: string;
  readonly ruleOf: (table: string) => ConflictRule;
  readonly now: () => number;
}

export type Counts = { -readonly [K in keyof SyncReport]: SyncReport[K] };

/** Pulls, then pushes. What was pulled stays where the push fails. */
export function exchange(parts: Exchange): SyncReport {
  const report = nothingYet(parts.peer.peer);
  parts.peer.settle(parts.records.schema);
  pull(parts, report);
  push(parts, report);
  parts.peer.settle(parts.records.schema);
  return report;
}

const nothingYet = (peer: string): Counts => ({
  peer,
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
  requests: 0,
});
