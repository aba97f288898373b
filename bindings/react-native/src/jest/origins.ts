/**
 * Which peer said the version that is held, in memory: with a hub and a cloud, what one says again must
 * not bring back what the other has already replaced, or deleted. The core's rules.
 */
import type { Record_ } from './filter.ts';
import type { TableData } from './schema-data.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface Origin {
  readonly peer: string;
  readonly version: number | null;
  readonly gone: boolean;
  /** What another peer said before. */
  readonly said: number | null;
  readonly atMs: number;
}

/** Who is asked. */
export interface Asked {
  readonly peer: string;
  readonly lastWord: boolean;
  readonly full: boolean;
}

export const versionOf = (row: Record_ | null): number | null =>
  typeof row?.['updated_at'] === 'number' ? row['updated_at'] : null;

export class MemoryOrigins {
  private readonly origins = new Map<string, Origin>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** Notes who said what is held now. */
  put(
    key: string,
    peer: string,
    version: number | null,
    gone: boolean,
    before: number | null
  ): void {
    const known = this.origins.get(key);
    const said = known === undefined ? before : known.peer === peer ? known.said : known.version;
    this.origins.set(key, { peer, version, gone, said, atMs: this.now() });
  }

  /** Whether another peer than this one said that it is gone. */
  isGoneBy(key: string, peer: string): boolean {
    const known = this.origins.get(key);
    return known !== undefined && known.gone && known.peer !== peer;
  }

  /** Whether a version that a peer says is only an older one than another peer's. */
  outdates(
    key: string,
    table: TableData,
    asked: Asked,
    remote: Record_,
    local: Record_ | null
  ): boolean {
    const version = versionOf(remote);
    const known = this.origins.get(key);
    if (version === null) return false;
    if (known === undefined) {
      const held = versionOf(local);
      return local !== null && !asked.lastWord && held !== null && version < held;
    }
    if (known.peer === asked.peer) return false;
    const isOld = asked.full && this.now() - known.atMs > DAY_MS;
    if (asked.lastWord && (table.updates_announced === false || isOld)) return false;
    if (known.said === version) return true;
    if (asked.lastWord && known.said !== null) return false;
    if (known.version === null) return false;
    return asked.lastWord ? version < known.version : version <= known.version;
  }

  /** What a peer said of a record that was not written for it. */
  heard(key: string, asked: Asked, version: number | null, isNews: boolean): void {
    const known = this.origins.get(key);
    if (known === undefined || known.peer === asked.peer) return;
    // that it is the version which was deleted there says nothing new of the deletion
    const isSame = version === known.version && !known.gone;
    if (isNews || isSame) this.origins.delete(key);
    else this.origins.set(key, { ...known, said: version });
  }

  rename(from: string, to: string): void {
    const known = this.origins.get(from);
    this.origins.delete(from);
    if (known !== undefined) this.origins.set(to, known);
  }

  forget(key: string): void {
    this.origins.delete(key);
  }

  forgetPeer(peer: string): void {
    for (const [key, known] of this.origins) if (known.peer === peer) this.origins.delete(key);
  }
}
