/** What one peer refuses, in memory: the core's rules of when a record is put aside, and when freed. */
import type { QuarantinedRecord } from '../NativeAmana.ts';
import type { Pending } from './outbox.ts';
import { keyOf } from './outbox.ts';

const HOUR_MS = 60 * 60 * 1000;
/** A hub's refusals come in clear: anybody on the Wi-Fi can say them, so they hold for a while only. */
const HINTED_MS = 10 * 60 * 1000;
const HINTED =
  'an answer that nobody has signed says that this hub does not take the record; ' +
  'it is tried again soon, and goes to the cloud as it would';
/** A record that is refused while the cloud takes no other is put aside after so many syncs, */
const SUSPICIOUS = 2;
/** of which the first and the last are so far apart. */
const APART_MS = 60_000;

interface Refused {
  readonly table: string;
  readonly id: string;
  readonly revision: number;
  readonly refusals: number;
  readonly firstMs: number;
  /** Null: it is not put aside, only remembered. */
  readonly reason: string | null;
  readonly retryMs: number | null;
  /** It was put aside before, so a further refusal surprises nobody. */
  readonly known: boolean;
}

export class MemoryQuarantine {
  private readonly refused = new Map<string, Refused>();
  private readonly peer: string;
  private readonly now: () => number;

  constructor(peer: string, now: () => number) {
    this.peer = peer;
    this.now = now;
  }

  /** Why an entry is put aside in its present revision; null where it is not. */
  reasonFor({ table, id, revision }: Pending): string | null {
    const found = this.refused.get(keyOf(table, id));
    return found?.revision === revision ? found.reason : null;
  }

  /** Whether an entry is not to be sent now. */
  rests(entry: Pending): boolean {
    const retryMs = this.refused.get(keyOf(entry.table, entry.id))?.retryMs ?? null;
    return this.reasonFor(entry) !== null && (retryMs === null || retryMs > this.now());
  }

  isKnown({ table, id }: Pending): boolean {
    return this.refused.get(keyOf(table, id))?.known === true;
  }

  /** Puts an entry aside. Where others were not taken, that proves little: it is tried again. */
  putAside(entry: Pending, reason: string, isProven: boolean): void {
    const isSigned = this.peer === 'cloud';
    const pause = !isSigned ? HINTED_MS : isProven ? null : HOUR_MS;
    const retryMs = pause === null ? null : this.now() + pause;
    this.refused.set(keyOf(entry.table, entry.id), {
      ...this.count(entry),
      reason: isSigned ? reason : HINTED,
      retryMs,
      known: true,
    });
  }

  /** One more refusal while nothing was taken; whether that is enough to put the record aside. */
  suspect(entry: Pending): boolean {
    const next = this.count(entry);
    this.refused.set(keyOf(entry.table, entry.id), next);
    return next.refusals >= SUSPICIOUS && this.now() - next.firstMs >= APART_MS;
  }

  /** It was taken, or it is gone. */
  forget(table: string, id: string): void {
    this.refused.delete(keyOf(table, id));
  }

  holds(table: string, id: string): boolean {
    return (this.refused.get(keyOf(table, id))?.reason ?? null) !== null;
  }

  /** Lets it be tried again. That it was refused is remembered. */
  release(table: string, id: string): boolean {
    const key = keyOf(table, id);
    const found = this.refused.get(key);
    if (found === undefined || (found.known && found.reason === null)) return false;
    if (found.known) this.refused.set(key, { ...found, reason: null, retryMs: null });
    else this.refused.delete(key);
    return true;
  }

  releaseAll(): number {
    return [...this.refused.values()].filter(({ table, id }) => this.release(table, id)).length;
  }

  /** What is put aside; `waiting` counts what waits for one. */
  list(entries: readonly Pending[], waiting: (entry: Pending) => number): QuarantinedRecord[] {
    const aside = entries.flatMap((entry): QuarantinedRecord[] => {
      const found = this.refused.get(keyOf(entry.table, entry.id));
      const reason = this.reasonFor(entry);
      if (found === undefined || reason === null) return [];
      return [
        {
          peer: this.peer,
          table: entry.table,
          recordId: entry.id,
          reason,
          sinceMs: found.firstMs,
          retryAtMs: found.retryMs,
          waiting: entry.kind === 'created' ? waiting(entry) : 0,
        },
      ];
    });
    return aside;
  }

  /** Another revision begins to count anew. */
  private count({ table, id, revision }: Pending): Refused {
    const found = this.refused.get(keyOf(table, id));
    if (found?.revision === revision) return { ...found, refusals: found.refusals + 1 };
    const known = found?.known ?? false;
    const times = { refusals: 1, firstMs: this.now(), retryMs: null };
    return { table, id, revision, ...times, reason: null, known };
  }
}
