/**
 * The native module in memory: every call of the contract, over `MemoryVault`. A "process" is one
 * `MemoryNative`; its vaults are its disk. Here are the calls of peers and sync; the others are in the
 * classes below it, by what they are about.
 */
import type {
  ConflictEntry,
  PairedHub,
  QuarantinedRecord,
  RecordStanding,
  SignedInPerson,
  Spec,
  SyncReport,
  SyncStatus,
} from '../NativeAmana.ts';
import { failure } from './failure.ts';
import type { HubAddress } from './hub-address.ts';
import { parseCode, parseHubUrl } from './hub-address.ts';
import type { MemoryHub } from './hub.ts';
import type { SignedIn } from './memory-peers.ts';
import type { MemoryVault } from './memory-vault.ts';
import { NativeStore } from './native-store.ts';
import type { PeerLink } from './peer-link.ts';
import type { MemoryPeer } from './peer-store.ts';

export class MemoryNative extends NativeStore implements Spec {
  async signIn(
    handle: number,
    url: string,
    _privateCaPem: string | null,
    email: string,
    password: number[],
    operation: number
  ): Promise<SignedInPerson> {
    const vault = this.unlocked('signIn', handle);
    if (!url.startsWith('https://')) throw failure('invalid_input', 'the address is not https');
    await this.cancellable(vault, operation, Promise.resolve());
    if (!this.cloud.isReachable) throw unreachable();
    const person = { id: email, name: email, role: 'provider', clinicId: null };
    this.pause(vault);
    vault.peers.signedIn = { person, url, email, password: textOf(password) };
    return person;
  }

  async signOut(handle: number): Promise<void> {
    const vault = this.unlocked('signOut', handle);
    this.pause(vault);
    vault.peers.signedIn = null;
  }

  async pairHub(handle: number, qrText: string, operation: number): Promise<PairedHub> {
    const vault = this.unlocked('pairHub', handle);
    const address = parseCode(qrText);
    vault.peers.checkKey(address);
    await this.cancellable(vault, operation, Promise.resolve());
    const hub = this.reachHub(address);
    this.pause(vault);
    return vault.peers.pair(hub.peer, address, hub.name);
  }

  async signInAtHub(
    handle: number,
    peer: string,
    email: string,
    password: number[],
    operation: number
  ): Promise<SignedInPerson> {
    const vault = this.unlocked('signInAtHub', handle);
    const { pinned } = vault.peers.requireHub(checkPeer(peer));
    await this.cancellable(vault, operation, Promise.resolve());
    const text = textOf(password);
    const person = this.reachHub(pinned).personOf(email, text);
    if (person === null) throw failure('unauthorized', 'the hub does not know this person');
    this.pause(vault);
    const before = vault.peers.signedIn;
    // who is signed in at the cloud stays so, as the cloud described them
    if (before?.person.id === person.id) return before.person;
    vault.peers.signedIn = { person, url: null, email, password: text };
    return person;
  }

  async hubs(handle: number): Promise<PairedHub[]> {
    return this.unlocked('hubs', handle).peers.hubs();
  }

  async moveHub(handle: number, peer: string, url: string): Promise<void> {
    const vault = this.unlocked('moveHub', handle);
    const address = parseHubUrl(url);
    const link = vault.peers.requireHub(checkPeer(peer));
    this.pause(vault);
    link.pinned = { ...link.pinned, url: address };
  }

  async forgetPeer(handle: number, peer: string): Promise<void> {
    const vault = this.unlocked('forgetPeer', handle);
    this.pause(vault);
    vault.peers.forget(checkPeer(peer));
  }

  async sync(
    handle: number,
    peer: string | null,
    fullPull: boolean,
    operation: number
  ): Promise<SyncReport> {
    const vault = this.vaultOf(handle);
    const name = checkPeer(peer ?? 'cloud');
    try {
      this.fail('sync');
    } catch (error) {
      vault.peers.link(name).noteFailure(error);
      throw error;
    }
    vault.requireUnlocked();
    const { signedIn } = vault.peers;
    if (signedIn === null || (name === 'cloud' && signedIn.url === null)) {
      throw failure('not_signed_in', 'nobody is signed in');
    }
    const link = name === 'cloud' ? vault.peers.link(name) : vault.peers.requireHub(name);
    if (link.running === null) return this.start(vault, link, fullPull, operation);
    // who joins ends its own waiting alone; who first wanted one behind ends that one, too
    if (!fullPull || link.running.full) {
      return this.cancellable(vault, operation, link.running.done);
    }
    const { behind } = link;
    if (behind !== null) return this.cancellable(vault, operation, behind);
    let isGivenUp = false;
    const again = () => {
      link.behind = null;
      if (isGivenUp) throw failure('cancelled', 'the call was cancelled');
      return this.start(vault, link, true, operation);
    };
    link.behind = link.running.done.then(again, again);
    return this.cancellable(vault, operation, link.behind).catch((error: unknown) => {
      isGivenUp = true;
      throw error;
    });
  }

  async syncStatus(handle: number): Promise<SyncStatus> {
    return this.unlocked('syncStatus', handle).peers.status();
  }

  async recordStanding(handle: number, table: string, id: string): Promise<RecordStanding> {
    return this.unlocked('recordStanding', handle).peers.standing(table, id);
  }

  async conflicts(handle: number, after: number): Promise<ConflictEntry[]> {
    return this.unlocked('conflicts', handle).peers.conflicts(after);
  }

  async undoConflict(handle: number, conflictId: number): Promise<string> {
    return this.unlocked('undoConflict', handle).peers.undo(conflictId);
  }

  async quarantinedRecords(handle: number): Promise<QuarantinedRecord[]> {
    return this.unlocked('quarantinedRecords', handle).peers.quarantined();
  }

  async releaseRecord(handle: number, table: string, id: string): Promise<void> {
    this.unlocked('releaseRecord', handle).peers.release(table, id);
  }

  async releaseAllRecords(handle: number): Promise<number> {
    return this.unlocked('releaseAllRecords', handle).peers.releaseAll();
  }

  cancelOperation(operation: number): void {
    this.cancels.get(operation)?.();
  }

  // inside

  private start(
    vault: MemoryVault,
    link: PeerLink,
    full: boolean,
    operation: number
  ): Promise<SyncReport> {
    const done = this.runSync(vault, link, full, operation).finally(() => (link.running = null));
    link.running = { full, done };
    return done;
  }

  private async runSync(
    vault: MemoryVault,
    link: PeerLink,
    full: boolean,
    operation: number
  ): Promise<SyncReport> {
    const tell = (phase: string) => {
      const event = { operation, peer: link.peer, phase, bytes: 0, rows: 0, totalRows: null };
      this.tell(vault, this.progress, event);
    };
    try {
      for (const phase of ['pulling', 'applying', 'pushing']) {
        tell(phase);
        const gate = phase === 'pulling' ? this.gate : null;
        await this.cancellable(vault, operation, gate ?? Promise.resolve());
        vault.requireUnlocked();
        if (phase === 'pulling') this.reach(link, vault.peers.signedIn);
      }
      const report = vault.peers.exchange(this.reach(link, vault.peers.signedIn), full);
      tell('finished');
      return report;
    } catch (error) {
      link.noteFailure(error);
      throw error;
    }
  }

  /** Whoever answers for a peer, once it has proved who it is. */
  private reach({ pinned }: PeerLink, signedIn: SignedIn | null): MemoryPeer {
    if (signedIn === null) throw failure('cancelled', 'the person was signed out');
    if (pinned === null) {
      if (!this.cloud.isReachable) throw unreachable();
      return this.cloud;
    }
    const hub = this.reachHub(pinned);
    if (hub.personOf(signedIn.email, signedIn.password) === null) {
      throw failure('unauthorized', 'the hub does not know this person');
    }
    return hub;
  }

  private reachHub({ url, id, key }: HubAddress): MemoryHub {
    const hub = this.hubAt(url);
    if (hub === null) throw unreachable();
    if (!hub.proves(id, key)) {
      throw failure('peer_identity_mismatch', 'somebody else answers at the address of the hub');
    }
    return hub;
  }

  /** Ends the syncs and sign-ins that run: what is changed now is not theirs any more. */
  private pause(vault: MemoryVault): void {
    for (const stop of [...vault.stops]) stop();
  }

  /** Waits for some work, or until the call that waits for it is given up. */
  private async cancellable<T>(
    vault: MemoryVault,
    operation: number,
    work: Promise<T>
  ): Promise<T> {
    let cancelled = false;
    let stop = () => undefined as void;
    const stopped = new Promise<void>((resolve) => {
      stop = () => {
        cancelled = true;
        resolve();
      };
    });
    vault.stops.add(stop);
    if (operation !== 0) this.cancels.set(operation, stop);
    try {
      const result = await Promise.race([stopped, work]);
      if (cancelled) throw failure('cancelled', 'the call was cancelled');
      return result as T;
    } finally {
      vault.stops.delete(stop);
      this.cancels.delete(operation);
    }
  }
}

const unreachable = () => failure('network', 'nobody answers at this address');

const textOf = (bytes: readonly number[]): string => String.fromCharCode(...bytes);

/** A name of a peer, whether or not there is one. */
function checkPeer(name: string): string {
  if (name === 'cloud' || /^hub:.{1,128}$/.test(name)) return name;
  throw failure('invalid_input', 'there is no such peer');
}
