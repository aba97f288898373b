/** What a vault in memory keeps of one peer: its cursor, how the last syncs went, what it took and refused. */
import type { AmanaErrorCode } from '../errors.ts';
import type { PeerStatus, SyncReport, TablePending } from '../NativeAmana.ts';
import { NativeFailure } from './failure.ts';
import type { HubAddress } from './hub-address.ts';
import { MemoryMarks } from './marks.ts';
import { MemoryQuarantine } from './quarantine.ts';
import type { SyncRules } from './sync-rules.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const BACK_OFF_MS = 30_000;
const LONGEST_BACK_OFF_MS = 60 * 60 * 1000;
/** After these another try may go well; a cloud whose database is down says `unauthorized`. */
const TEMPORARY: readonly AmanaErrorCode[] = [
  'network',
  'server',
  'rate_limited',
  'storage_busy',
  'unauthorized',
];

/** A sync that runs. */
export interface Running {
  readonly full: boolean;
  readonly done: Promise<SyncReport>;
}

export class PeerLink {
  readonly peer: string;
  readonly kind: 'cloud' | 'hub';
  readonly quarantine: MemoryQuarantine;
  readonly marks = new MemoryMarks();
  /** Of a hub: what was pinned, and where it is now. */
  pinned: (HubAddress & { readonly name: string }) | null = null;
  /** The peer's time of the last pull; 0 before the first. */
  cursor = 0;
  running: Running | null = null;
  /** A full pull that waits for the end of one that is none. */
  behind: Promise<SyncReport> | null = null;
  private readonly now: () => number;
  private lastSuccessMs: number | null = null;
  private lastAttemptMs: number | null = null;
  private lastFullMs: number | null = null;
  private fullFor: string | null = null;
  private lastError: AmanaErrorCode | null = null;
  private failures = 0;
  private nextTryMs: number | null = null;

  constructor(peer: string, now: () => number) {
    this.peer = peer;
    this.kind = peer === 'cloud' ? 'cloud' : 'hub';
    this.quarantine = new MemoryQuarantine(peer, now);
    this.now = now;
  }

  /** Whether everything is to be asked for: never done for this person, or long ago. */
  fullPullIsDue(person: string, rules: SyncRules): boolean {
    if (this.cursor === 0 || this.fullFor !== person) return true;
    const days =
      this.kind === 'cloud' ? (rules.cloudFullPullDays ?? 7) : (rules.hubFullPullDays ?? 1);
    return days > 0 && this.now() - (this.lastFullMs ?? 0) >= days * DAY_MS;
  }

  notePull(cursor: number, fullFor: string | null): void {
    this.cursor = cursor;
    if (fullFor === null) return;
    this.fullFor = fullFor;
    this.lastFullMs = this.now();
  }

  noteSuccess(): void {
    this.lastSuccessMs = this.lastAttemptMs = this.now();
    this.lastError = this.nextTryMs = null;
    this.failures = 0;
  }

  /** A sync that was stopped, or could not begin, has not failed. */
  noteFailure(error: unknown): void {
    if (!(error instanceof NativeFailure)) return;
    const { code, userInfo } = error;
    if (code === 'cancelled' || code === 'locked') return;
    const now = this.now();
    this.lastAttemptMs = now;
    this.lastError = code;
    // the core waits for any part of it, so that tablets do not come all at once
    const most = Math.min(BACK_OFF_MS * 2 ** Math.min(this.failures, 16), LONGEST_BACK_OFF_MS);
    const wait = Math.max(most, userInfo.retryAfterMs ?? 0);
    this.nextTryMs = TEMPORARY.includes(code) ? now + wait : null;
    this.failures++;
  }

  status(pending: TablePending[]): PeerStatus {
    return {
      peer: this.peer,
      syncing: this.running !== null,
      cursor: this.cursor,
      skewMs: 0,
      lastSuccessMs: this.lastSuccessMs,
      lastAttemptMs: this.lastAttemptMs,
      lastFullMs: this.lastFullMs,
      lastError: this.lastError,
      failures: this.failures,
      nextTryMs: this.nextTryMs,
      pending,
    };
  }
}
