/**
 * A server in memory: takes what is pushed, gives what a test put there, refuses what a test says.
 * What a cloud and a hub have in common; what a sync makes of it is not known here.
 */
import type { Record_ } from './filter.ts';
import type { SchemaData, TableData } from './schema-data.ts';

/** Which records a test has a server refuse: one by its id, or those of which this holds. */
export type RefusedRecord = string | ((row: Record_) => boolean);

/** What the core says where a server refuses a record. */
const REFUSED = 'the peer refuses this record';

/** What a server says of one record; a deletion is a null row. */
export interface Change {
  readonly id: string;
  readonly row: Record_ | null;
}

interface Held {
  /** Null: it is deleted. */
  readonly row: Record_ | null;
  /** The server's time of the change. */
  readonly at: number;
}

/** What a mock vault syncs with. */
export abstract class MemoryPeer {
  /** Its name as a peer. @internal */
  abstract readonly peer: string;
  /** Whether it can be reached; a call to one that cannot fails with `network`. */
  isReachable = true;
  private readonly now: () => number;
  private time = 0;
  private readonly tables = new Map<string, Map<string, Held>>();
  private readonly refusals = new Set<{
    readonly table: string;
    readonly which: RefusedRecord;
    readonly reason: string;
  }>();

  /** @internal */
  constructor(now: () => number) {
    this.now = now;
  }

  /** The rows that it holds. */
  rows(table: string): readonly Record_[] {
    return this.changes(table).flatMap(({ row }) => (row === null ? [] : [row]));
  }

  /** Puts a row there, as if another tablet had pushed it. Columns that it lacks are left alone. */
  put(table: string, row: Record_ & { readonly id: string }): void {
    this.held(table).set(row.id, { row, at: this.tick() });
  }

  /** Deletes a row there, and announces it. */
  delete(table: string, id: string): void {
    this.held(table).set(id, { row: null, at: this.tick() });
  }

  /** Loses a row, or the note of its deletion: nobody is told, and no pull shows it any more. */
  lose(table: string, id: string): void {
    this.held(table).delete(id);
  }

  /**
   * Refuses to take records of a table, until the returned function is called. A record that is refused
   * in a sync in which another one is taken is put into quarantine; alone, the sync fails with `server`,
   * until it has done so twice, a minute apart. `reason` is what the quarantine says of a cloud; the
   * core's own text where it is left out. What a hub says is signed by nobody and told to nobody.
   */
  refuse(table: string, which: RefusedRecord, reason = REFUSED): () => void {
    const refusal = { table, which, reason };
    this.refusals.add(refusal);
    return () => void this.refusals.delete(refusal);
  }

  /** Forgets everything: rows, deletions, what it refuses. */
  clear(): void {
    this.tables.clear();
    this.refusals.clear();
  }

  /** @internal What changed after a time of this server, the oldest first; 0: everything. */
  changes(table: string, after = 0): Change[] {
    return [...this.held(table)]
      .filter(([, { at }]) => at > after)
      .map(([id, { row }]) => ({ id, row }));
  }

  /** @internal The server's time: later than all that changed before it, before all that will. */
  tick(): number {
    this.time = Math.max(this.now(), this.time + 1);
    return this.time;
  }

  /** @internal Takes a record that was pushed. */
  take(table: TableData, row: Record_ & { readonly id: string }): void {
    this.put(table.name, row);
  }

  /** @internal Ends what was begun: nothing, where the server does nothing by itself. */
  settle(_schema: SchemaData): void {}

  /** @internal Why it refuses a record, or the deletion of one (a null row); null where it takes it. */
  refusal(table: string, id: string, row: Record_ | null): string | null {
    for (const { table: refused, which, reason } of this.refusals) {
      const meets = typeof which === 'string' ? which === id : row !== null && which(row);
      if (refused === table && meets) return reason;
    }
    return null;
  }

  private held(table: string): Map<string, Held> {
    const known = this.tables.get(table) ?? new Map<string, Held>();
    this.tables.set(table, known);
    return known;
  }
}
