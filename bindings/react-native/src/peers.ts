/** Whom a vault syncs with, and how it stands: cloud, hubs, conflicts, what was put aside. */
import {
  checkBoolean,
  checkFunction,
  checkId,
  checkOptions,
  checkSecret,
  checkText,
  checkWhole,
  invalid,
  isPlainObject,
} from './check.ts';
import type {
  ConflictEntry,
  PairedHub,
  QuarantinedRecord,
  RecordStanding,
  SignedInPerson,
  SyncReport,
  SyncStatus,
  TableDigest,
} from './NativeAmana.ts';
import type { AbortSignalLike } from './native.ts';
import { call, callCancellable, listen, wiping } from './native.ts';
import { changingPeers } from './notices.ts';

/** How to sign in at the cloud. */
export interface CloudSignIn {
  /** `https://…`; nothing else is accepted. */
  readonly url: string;
  readonly email: string;
  /** Text, or the bytes of its UTF-8, which the caller can wipe afterwards. */
  readonly password: string | Uint8Array;
  /** The certificate of a private CA, as PEM; the public roots where it is left out. */
  readonly privateCaPem?: string;
  readonly signal?: AbortSignalLike;
}

/** How to sign in at a paired hub. */
export interface HubSignIn {
  /** The hub's name as a peer, as `pairHub` gave it. */
  readonly peer: string;
  readonly email: string;
  readonly password: string | Uint8Array;
  readonly signal?: AbortSignalLike;
}

/** How far a sync is. */
export interface SyncProgress {
  readonly peer: string;
  /** `pulling`, `applying`, `pushing`, `waiting` or `finished`. */
  readonly phase: string;
  readonly bytes: number;
  readonly rows: number;
  readonly totalRows: number | null;
}

/** How to sync. */
export interface SyncOptions {
  /** `cloud`, or a hub as `peers.hubs()` names it; the cloud where it is left out. */
  readonly peer?: string;
  /** Asks for everything again, instead of what changed. */
  readonly fullPull?: boolean;
  readonly signal?: AbortSignalLike;
  readonly onProgress?: (progress: SyncProgress) => void;
}

/** The peers of one vault. */
export class VaultPeers {
  private readonly handle: number;

  /** @internal */
  constructor(handle: number) {
    this.handle = handle;
  }

  /** Signs in at the cloud. `unauthorized` also while the server's own database is down. */
  async signIn(how: CloudSignIn): Promise<SignedInPerson> {
    if (!isPlainObject(how)) throw invalid('how to sign in is an object');
    const url = checkText(how.url, 'url');
    const email = checkText(how.email, 'email');
    const ca = how.privateCaPem === undefined ? null : checkText(how.privateCaPem, 'privateCaPem');
    const password = checkSecret(how.password, 'a password');
    const work = wiping([password], () =>
      callCancellable(how.signal, (module, operation) =>
        module.signIn(this.handle, url, ca, email, password, operation)
      )
    );
    return this.changing(work);
  }

  /** Forgets the cloud's session and password. Records stay. */
  async signOut(): Promise<void> {
    return this.changing(call((module) => module.signOut(this.handle)));
  }

  /** Pairs with a hub from the text of its QR code. */
  async pairHub(qrText: string, signal?: AbortSignalLike): Promise<PairedHub> {
    checkText(qrText, 'qrText');
    const work = callCancellable(signal, (module, operation) =>
      module.pairHub(this.handle, qrText, operation)
    );
    return this.changing(work);
  }

  /** Signs in at a paired hub; works without the internet. */
  async signInAtHub(how: HubSignIn): Promise<SignedInPerson> {
    if (!isPlainObject(how)) throw invalid('how to sign in is an object');
    const peer = checkText(how.peer, 'a peer');
    const email = checkText(how.email, 'email');
    const password = checkSecret(how.password, 'a password');
    const work = wiping([password], () =>
      callCancellable(how.signal, (module, operation) =>
        module.signInAtHub(this.handle, peer, email, password, operation)
      )
    );
    return this.changing(work);
  }

  /** The hubs that were paired. */
  async hubs(): Promise<readonly PairedHub[]> {
    return call((module) => module.hubs(this.handle));
  }

  /** Takes note of a hub's new address; its key stays as it was pinned. */
  async moveHub(peer: string, url: string): Promise<void> {
    checkText(peer, 'a peer');
    checkText(url, 'url');
    return this.changing(call((module) => module.moveHub(this.handle, peer, url)));
  }

  /** Forgets a peer. Records stay, and what no peer has taken yet. Running syncs end first. */
  async forget(peer: string): Promise<void> {
    checkText(peer, 'a peer');
    return this.changing(call((module) => module.forgetPeer(this.handle, peer)));
  }

  /**
   * Pulls, merges, pushes. A second call for the same peer joins the first: its own signal ends its own
   * waiting, the first one's the sync for both. One with `fullPull` runs behind a sync that is not, and
   * hears of both. Who syncs every so many minutes counts them from the end of the last sync: devices
   * behind one address whose line comes back in one moment would ask in one moment for ever after.
   */
  async sync(options: SyncOptions = {}): Promise<SyncReport> {
    const { peer: named, fullPull = false, signal, onProgress } = checkOptions(options);
    const peer = named === undefined ? null : checkText(named, 'a peer');
    checkBoolean(fullPull, 'fullPull');
    if (onProgress !== undefined) checkFunction(onProgress, 'onProgress');
    const work = callCancellable(signal, async (module, operation) => {
      const wanted = peer ?? 'cloud';
      // by peer, not by operation: a call that joined hears of the sync that it joined
      const stop = listen('progress', this.handle, ({ handle: _, operation: __, ...progress }) => {
        if (progress.peer === wanted) onProgress?.(progress);
      });
      try {
        return await module.sync(this.handle, peer, fullPull, operation);
      } finally {
        stop();
      }
    });
    return this.changing(work);
  }

  /** Last success per peer, what waits, what was put aside. */
  async status(): Promise<SyncStatus> {
    return call((module) => module.syncStatus(this.handle));
  }

  /** Where one record is: here only, on a hub, in the cloud. */
  async standing(table: string, id: string): Promise<RecordStanding> {
    checkText(table, 'a table');
    checkId(id);
    return call((module) => module.recordStanding(this.handle, table, id));
  }

  /** Entries of the conflict ledger after an id, oldest first, at most 1,000. */
  async conflicts(after = 0): Promise<readonly ConflictEntry[]> {
    checkWhole(after, 'after', 0, Number.MAX_SAFE_INTEGER);
    return call((module) => module.conflicts(this.handle, after));
  }

  /**
   * Takes the other value of an entry, as an edit of today. Resolves to the id of the record that has
   * it: one that is gone comes back as a new one, or is `not_found` where the entry holds single columns.
   */
  async undoConflict(id: number): Promise<string> {
    checkWhole(id, 'an id', 1, Number.MAX_SAFE_INTEGER);
    return this.changing(call((module) => module.undoConflict(this.handle, id)));
  }

  /** Records that a peer refuses, with its reason. */
  async quarantined(): Promise<readonly QuarantinedRecord[]> {
    return call((module) => module.quarantinedRecords(this.handle));
  }

  /** Lets the next sync try a record again. An edit of the record does so by itself. */
  async release(table: string, id: string): Promise<void> {
    checkText(table, 'a table');
    checkId(id);
    return this.changing(call((module) => module.releaseRecord(this.handle, table, id)));
  }

  /** The same for everything that was put aside; how much. */
  async releaseAll(): Promise<number> {
    return this.changing(call((module) => module.releaseAllRecords(this.handle)));
  }

  /** A digest per table: equal on two devices that hold the same. */
  async digest(): Promise<readonly TableDigest[]> {
    return call((module) => module.digest(this.handle));
  }

  private changing<T>(work: Promise<T>): Promise<T> {
    return changingPeers(this.handle, work);
  }
}
