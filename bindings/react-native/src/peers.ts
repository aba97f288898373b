/** Whom a vault syncs with, and how it stands: cloud, hubs, conflicts, what was put aside. */
import { checkId, checkSecret, checkText, checkWhole } from './check.ts';
import type {
  ConflictEntry,
  PeerInfo,
  QuarantinedRecord,
  RecordStanding,
  SignedInPerson,
  SilentRefusal,
  SyncReport,
  SyncStatus,
  TableDigest,
} from './NativeAmana.ts';
import type { AbortSignalLike } from './native.ts';
import { call, callCancellable, listen } from './native.ts';

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

/** How to pair with a hub. */
export interface HubPairing {
  /** The text of the hub's QR code. */
  readonly qrText: string;
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
  /** `cloud`, or a hub as `peers.list()` names it; the cloud where it is left out. */
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
    const url = checkText(how?.url, 'url');
    const email = checkText(how.email, 'email');
    const ca = how.privateCaPem === undefined ? null : checkText(how.privateCaPem, 'privateCaPem');
    const password = checkSecret(how.password, 'a password');
    return callCancellable(how.signal, (module, operation) =>
      module.signIn(this.handle, url, ca, email, password, operation)
    );
  }

  /** Forgets the cloud's session and password. Records stay. */
  async signOut(): Promise<void> {
    return call((module) => module.signOut(this.handle));
  }

  /** Pairs with a hub from its QR code. */
  async pairHub(how: HubPairing): Promise<PeerInfo> {
    const qr = checkText(how?.qrText, 'qrText');
    const email = checkText(how.email, 'email');
    const password = checkSecret(how.password, 'a password');
    return callCancellable(how.signal, (module, operation) =>
      module.pairHub(this.handle, qr, email, password, operation)
    );
  }

  async list(): Promise<readonly PeerInfo[]> {
    return call((module) => module.peers(this.handle));
  }

  /** Forgets a hub. Records stay, and what no peer has taken yet. */
  async forget(peer: string): Promise<void> {
    checkText(peer, 'a peer');
    return call((module) => module.forgetPeer(this.handle, peer));
  }

  /** Pulls, merges, pushes. A second call for the same peer joins the first. */
  async sync(options: SyncOptions = {}): Promise<SyncReport> {
    const peer = options.peer === undefined ? null : checkText(options.peer, 'a peer');
    const fullPull = options.fullPull === true;
    return callCancellable(options.signal, async (module, operation) => {
      const { onProgress } = options;
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

  /** Writes the value that lost back, as an edit of today. */
  async undoConflict(id: number): Promise<void> {
    checkWhole(id, 'an id', 1, Number.MAX_SAFE_INTEGER);
    return call((module) => module.undoConflict(this.handle, id));
  }

  /** Records that a peer refuses, and those that wait for them. */
  async quarantined(): Promise<readonly QuarantinedRecord[]> {
    return call((module) => module.quarantinedRecords(this.handle));
  }

  /** Lets the next sync try a record again. An edit of the record does so by itself. */
  async release(table: string, id: string): Promise<void> {
    checkText(table, 'a table');
    checkId(id);
    return call((module) => module.releaseRecord(this.handle, table, id));
  }

  /** Records that a peer took and then did not keep, after an id, oldest first, at most 1,000. */
  async silentRefusals(after = 0): Promise<readonly SilentRefusal[]> {
    checkWhole(after, 'after', 0, Number.MAX_SAFE_INTEGER);
    return call((module) => module.silentRefusals(this.handle, after));
  }

  /** A digest per table: equal on two devices that hold the same. */
  async digest(): Promise<readonly TableDigest[]> {
    return call((module) => module.digest(this.handle));
  }
}
