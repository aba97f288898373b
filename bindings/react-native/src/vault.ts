/** A vault's life: opening, locking, closing, wiping; and the rooms in it. */
import {
  checkFunction,
  checkSecret,
  checkText,
  checkWhole,
  invalid,
  isPlainObject,
  toJson,
} from './check.ts';
import type { VaultConfig } from './config.ts';
import { readConfig } from './config.ts';
import type { HikmaSchema } from './hikma.ts';
import type { Pin, PresencePrompt } from './keys.ts';
import { checkPerson, checkPrompt, VaultKeys } from './keys.ts';
import type {
  ChangeEvent,
  IntegrityReport,
  QuarantinedVault,
  RefusalReport,
  SalvageReport,
  SignedInPerson,
  SyncReport,
  SyncStatus,
  VaultGlance,
} from './NativeAmana.ts';
import { call, listen, native, wiping } from './native.ts';
import type { CloudSignIn, SyncOptions } from './peers.ts';
import { VaultPeers } from './peers.ts';
import type { TableName } from './schema.ts';
import { SecureStorage } from './storage.ts';
import { BatchMaker, Table } from './table.ts';

/** Whether a vault can be used. */
export type VaultState = 'locked' | 'unlocked' | 'closed';

export type { ConflictRule, TimeLimits, VaultConfig } from './config.ts';

/** How a vault is unlocked: not at all for policy `device`. */
export type UnlockWith =
  | { readonly person: string; readonly pin: Pin }
  | { readonly presence: PresencePrompt }
  | { readonly recoveryAnswer: string };

/** An open vault. */
export class Vault<S = HikmaSchema> {
  readonly name: string;
  /** Encrypted settings, in the namespace `app`. */
  readonly storage: SecureStorage;
  /** Who may open it. */
  readonly keys: VaultKeys;
  /** Whom it syncs with. */
  readonly peers: VaultPeers;
  /** @internal */
  readonly handle: number;
  private readonly config: VaultConfig;
  private readonly tables = new Map<string, unknown>();

  /** @internal */
  constructor(name: string, handle: number, config: VaultConfig) {
    this.name = name;
    this.handle = handle;
    this.config = config;
    this.keys = new VaultKeys(handle);
    this.peers = new VaultPeers(handle);
    const home = { now: () => handle, open: () => Promise.resolve(handle) };
    this.storage = new SecureStorage(home, 'stored:app');
  }

  /** Whether it can be used. Answers at once. */
  get state(): VaultState {
    return native().vaultState(this.handle) as VaultState;
  }

  /** Hears of locking, unlocking, closing. Returns how to stop. */
  onState(listener: (state: VaultState) => void): () => void {
    checkFunction(listener, 'a listener');
    return listen('state', this.handle, (event) => listener(event.state as VaultState));
  }

  /** Hears of every committed transaction that changed records. Returns how to stop. */
  onChange(listener: (change: Omit<ChangeEvent, 'handle'>) => void): () => void {
    checkFunction(listener, 'a listener');
    return listen('change', this.handle, ({ handle: _, ...change }) => listener(change));
  }

  /** What can be told of the vault without a key: whether there is one, and for whom it opens. */
  async glance(): Promise<VaultGlance> {
    return call((module) => module.vaultGlance(this.handle));
  }

  /** Makes a vault of policy `person` where there is none, and opens it for its first person. */
  async create(first: { readonly person: string; readonly pin: Pin }): Promise<void> {
    if (!isPlainObject(first)) throw invalid('a vault is made for a person with a PIN');
    const person = checkPerson(first.person);
    const pin = checkSecret(first.pin, 'a PIN');
    const recovery = this.config.recoveryKey ?? null;
    return wiping([pin], () =>
      call((module) => module.createForPerson(this.handle, person, pin, recovery))
    );
  }

  /** Closes the database and drops the keys. */
  async lock(): Promise<void> {
    return call((module) => module.lock(this.handle));
  }

  /** Opens it again. Without arguments for policy `device`. */
  async unlock(how?: UnlockWith): Promise<void> {
    if (how === undefined) {
      const recovery = this.config.recoveryKey ?? null;
      await call((module) => module.openForDevice(this.handle, recovery));
      return;
    }
    if (!isPlainObject(how)) throw invalid('a vault is unlocked by a PIN, presence or recovery');
    if ('pin' in how) {
      const person = checkPerson(how.person);
      const pin = checkSecret(how.pin, 'a PIN');
      return wiping([pin], () => call((m) => m.unlockWithPin(this.handle, person, pin)));
    }
    if ('presence' in how) {
      const { title, cancel } = checkPrompt(how.presence);
      return call((module) => module.unlockWithPresence(this.handle, title, cancel));
    }
    const answer = checkText(how.recoveryAnswer, 'recoveryAnswer');
    return call((module) => module.unlockWithRecovery(this.handle, answer));
  }

  /** Locks it and lets go of it. A second time is no error. */
  async close(): Promise<void> {
    await call((module) => module.closeVault(this.handle));
    forget(this);
  }

  /** Destroys the keys, then all data. Nothing brings it back. */
  async wipe(): Promise<void> {
    await call((module) => module.wipe(this.handle));
    forget(this);
    // the handle is of no more use, and would hold its observers
    await call((module) => module.closeVault(this.handle));
  }

  /** A table of the schema. */
  table<T extends TableName<S>>(name: T): Table<S, T> {
    const known = this.tables.get(name) as Table<S, T> | undefined;
    if (known !== undefined) return known;
    const table = new Table<S, T>(this.handle, name);
    this.tables.set(name, table);
    return table;
  }

  /** Several writes in one transaction: all or none. Resolves to the records' ids. */
  async batch(make: (batch: BatchMaker<S>) => void): Promise<readonly string[]> {
    checkFunction(make, 'what makes a batch');
    const batch = new BatchMaker<S>();
    make(batch);
    const json = toJson(batch.operations);
    return call((module) => module.batchRecords(this.handle, json));
  }

  /** Signs in at the cloud. */
  signIn(how: CloudSignIn): Promise<SignedInPerson> {
    return this.peers.signIn(how);
  }

  /** Forgets the cloud's session and password. Records stay. */
  signOut(): Promise<void> {
    return this.peers.signOut();
  }

  /** Pulls, merges, pushes. */
  sync(options?: SyncOptions): Promise<SyncReport> {
    return this.peers.sync(options);
  }

  /** Last success per peer, what waits, what was put aside. */
  status(): Promise<SyncStatus> {
    return this.peers.status();
  }

  /** A report for support: no secret and no record in it. */
  async diagnose(): Promise<unknown> {
    return JSON.parse(await call((module) => module.diagnose(this.handle))) as unknown;
  }

  /** What looking at every page in idle time has found so far; null before the first look. */
  async integrity(): Promise<IntegrityReport | null> {
    return call((module) => module.integrity(this.handle));
  }

  /** Hears that damage was found in the database. Returns how to stop. */
  onDamage(listener: () => void): () => void {
    checkFunction(listener, 'a listener');
    return listen('damage', this.handle, () => listener());
  }

  /** What the last refused opening, or PIN, says beyond its code; null since one was not refused. */
  async refusal(): Promise<RefusalReport | null> {
    return call((module) => module.lastRefusal(this.handle));
  }

  /**
   * Puts a vault that does not open aside, whole, so that a fresh one can be made in its place. Nothing
   * is deleted. `unsynced` is the number that the person was shown (`refusal`), null for unknown.
   */
  async quarantine(acknowledged: { readonly unsynced: number | null }): Promise<QuarantinedVault> {
    // who says nothing has acknowledged nothing: null is to be said, too
    if (!isPlainObject(acknowledged)) throw invalid('the loss is acknowledged as { unsynced }');
    const shown = acknowledged.unsynced;
    if (shown !== null) checkWhole(shown, 'unsynced', 0, Number.MAX_SAFE_INTEGER);
    return call((module) => module.quarantineVault(this.handle, shown));
  }

  /** The vaults of this name that were put aside, the oldest first. */
  async quarantined(): Promise<readonly QuarantinedVault[]> {
    return call((module) => module.quarantinedVaults(this.handle));
  }

  /**
   * For a vault that refuses to open with `database_damaged`: keeps the damaged file, and puts what can
   * be read of it in its place. Then unlock. Asks for what `unlock` asks for.
   */
  async salvage(how?: UnlockWith): Promise<SalvageReport> {
    if (how === undefined) return call((module) => module.salvage(this.handle, null, []));
    if (!isPlainObject(how)) throw invalid('a vault is salvaged by a PIN, presence or recovery');
    if ('presence' in how) {
      const { title, cancel } = checkPrompt(how.presence);
      return call((module) => module.salvageWithPresence(this.handle, title, cancel));
    }
    if ('recoveryAnswer' in how) {
      const answer = checkText(how.recoveryAnswer, 'recoveryAnswer');
      return call((module) => module.salvageWithRecovery(this.handle, answer));
    }
    const person = checkPerson(how.person);
    const pin = checkSecret(how.pin, 'a PIN');
    return wiping([pin], () => call((module) => module.salvage(this.handle, person, pin)));
  }
}

/** A vault of any schema: all of it but its tables. */
export type AnyVault = Omit<Vault, 'table' | 'batch'>;

interface Known {
  readonly config: string;
  readonly vault: Promise<AnyVault>;
}
/** The open vaults by name: a second open of a name is the same vault. */
const open = new Map<string, Known>();

function forget(vault: AnyVault): void {
  const known = open.get(vault.name);
  void known?.vault.then((present) => {
    if (present === vault && open.get(vault.name) === known) open.delete(vault.name);
  });
}

/** Forgets what is open. For tests, after `setNative`. */
export function forgetVaults(): void {
  open.clear();
}

/**
 * Opens a vault. Policy `device`: makes it on the first run, and unlocks it. Policy `person`: resolves to
 * the vault as it is, locked as a rule; `create` makes it for its first person, `unlock` opens it.
 *
 * A second open of one name is the same vault, and needs the same configuration. Give the types of your
 * own schema as `openVault<AppSchema>({ schema })`. Where it is refused, `attachVault` with the same
 * configuration gives the vault that was refused, with what can be done about it.
 */
export async function openVault<S = HikmaSchema>(config: VaultConfig = {}): Promise<Vault<S>> {
  const vault = await attachVault<S>(config);
  const policy = config.policy ?? 'device';
  const glance = await vault.glance();
  if (glance.policy !== null && glance.policy !== policy) {
    // nobody can use it under this configuration: another may be tried
    await vault.close();
    throw invalid('this vault has the other policy');
  }
  if (policy === 'device' && vault.state !== 'unlocked') await vault.unlock();
  return vault;
}

/** The vault of this name as it is: locked, damaged, or not there yet. Asks no key store. */
export async function attachVault<S = HikmaSchema>(config: VaultConfig = {}): Promise<Vault<S>> {
  const { name, text, json } = readConfig(config);
  const known = open.get(name);
  if (known !== undefined) {
    const vault = await known.vault;
    if (vault.state !== 'closed') {
      if (known.config !== text) throw invalid('this vault is open with another configuration');
      // who opens it knows its schema
      return vault as Vault<S>;
    }
    if (open.get(name) === known) open.delete(name);
    return attachVault<S>(config);
  }
  const vault = call((module) => module.attachVault(json)).then(
    ({ handle }) => new Vault<S>(name, handle, config)
  );
  const entry: Known = { config: text, vault: vault };
  open.set(name, entry);
  try {
    return await vault;
  } catch (error) {
    if (open.get(name) === entry) open.delete(name);
    throw error;
  }
}
