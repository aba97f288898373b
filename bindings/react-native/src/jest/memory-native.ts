/**
 * The native module in memory: every call of the contract, over `MemoryVault`. A "process" is one
 * `MemoryNative`; its vaults are its disk. Long because it is one class with a method for each call of
 * the contract; what they do is in the files beside it.
 */
import type { AmanaErrorCode } from '../errors.ts';
import type {
  AttachedVault,
  ChangeEvent,
  ConflictEntry,
  DamageEvent,
  IntegrityReport,
  KeyPage,
  KeySlots,
  KeyStoreReport,
  KvChangeEvent,
  PairedHub,
  PinStanding,
  QuarantinedRecord,
  QuarantinedVault,
  RecordStanding,
  RecoveryRequest,
  RefusalReport,
  SalvageReport,
  SignedInPerson,
  Spec,
  SyncProgressEvent,
  SyncReport,
  SyncStatus,
  TableDigest,
  VaultGlance,
  VaultStateEvent,
} from '../NativeAmana.ts';
import { fromBase64 } from '../text.ts';
import { MemoryCloud } from './cloud.ts';
import { Emitter } from './emitter.ts';
import { failure, replyOf } from './failure.ts';
import hikma from './hikma-schema.ts';
import type { KvEntry } from './kv.ts';
import { MemoryVault } from './memory-vault.ts';
import { checkSchema } from './schema-data.ts';
import { readRules } from './sync-rules.ts';

const CONFIG = new Set([
  'name',
  'schema',
  'idleLockMs',
  'dropPinAfter',
  'keyStore',
  'cloudSync',
  'cloudPins',
  'sync',
]);

export class MemoryNative implements Spec {
  readonly cloud = new MemoryCloud();
  private readonly vaults = new Map<string, MemoryVault>();
  private readonly aside = new Map<string, QuarantinedVault[]>();
  private readonly handles = new Map<number, MemoryVault>();
  private readonly cancels = new Map<number, () => void>();
  private readonly failures: { method: string; code: AmanaErrorCode; retryAfterMs?: number }[] = [];
  private lastHandle = 0;
  private offset = 0;
  private gate: Promise<void> | null = null;

  private readonly changes = new Emitter<ChangeEvent>();
  private readonly kvChanges = new Emitter<KvChangeEvent>();
  private readonly progress = new Emitter<SyncProgressEvent>();
  private readonly states = new Emitter<VaultStateEvent>();
  private readonly damages = new Emitter<DamageEvent>();
  readonly onChange = this.changes.add as Spec['onChange'];
  readonly onKvChange = this.kvChanges.add as Spec['onKvChange'];
  readonly onSyncProgress = this.progress.add as Spec['onSyncProgress'];
  readonly onDamage = this.damages.add as Spec['onDamage'];
  readonly onVaultState = this.states.add as Spec['onVaultState'];

  // for tests

  /** The clock of the mock: the real one, moved by `advance`. */
  readonly now = (): number => Date.now() + this.offset;

  /** Moves the clock of the mock forward. */
  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }

  /** Lets the next call of a method fail. */
  failNext(method: keyof Spec, code: AmanaErrorCode, more: { retryAfterMs?: number } = {}): void {
    this.failures.push({ method, code, ...more });
  }

  /** Holds every sync before its end until the returned function is called. */
  holdSync(): () => void {
    let release = () => undefined as void;
    this.gate = new Promise((resolve) => (release = resolve));
    return () => {
      this.gate = null;
      release();
    };
  }

  // life of a vault

  async attachVault(configJson: string): Promise<AttachedVault> {
    this.fail('attachVault');
    const config = parse(configJson, 'a configuration is an object') as Record<string, unknown>;
    const unknown = Object.keys(config).find((member) => !CONFIG.has(member));
    if (unknown !== undefined) throw failure('invalid_input', 'unknown member of a configuration');
    const { name } = config;
    if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]{0,47}$/.test(name)) {
      throw failure('invalid_input', 'a vault is named by a-z, 0-9, - and _, a letter first');
    }
    const rules = readRules(config['sync']);
    const vault = this.vaults.get(name) ?? this.make(name, config['schema']);
    vault.rules = rules;
    const handle = ++this.lastHandle;
    this.handles.set(handle, vault);
    vault.handles.add(handle);
    return { handle, state: vault.state };
  }

  async closeVault(handle: number): Promise<void> {
    const vault = this.handles.get(handle);
    if (vault === undefined) return;
    this.drop(vault, handle);
    if (vault.handles.size === 0) vault.set('locked');
  }

  vaultState(handle: number): string {
    return this.handles.get(handle)?.state ?? 'closed';
  }

  async vaultGlance(handle: number): Promise<VaultGlance> {
    const vault = this.at('vaultGlance', handle);
    return {
      presence: vault.policy === null ? 'nothing' : 'vault',
      policy: vault.policy,
      hasRecovery: vault.people.hasSlot('recovery'),
      unsynced: vault.policy === null ? null : vault.records.outbox.roots().length,
    };
  }

  async openForDevice(handle: number, recoveryKey: string | null): Promise<boolean> {
    const vault = this.vaultOf(handle);
    return vault.opening(() => {
      this.fail('openForDevice');
      checkRecoveryKey(recoveryKey);
      if (vault.policy === 'person') {
        throw failure('invalid_input', 'this vault opens for persons alone');
      }
      const made = vault.policy === null;
      if (made) {
        vault.policy = 'device';
        vault.people.addSlot('device');
        if (recoveryKey !== null) vault.people.addSlot('recovery');
      }
      vault.set('unlocked');
      return made;
    });
  }

  async createForPerson(
    handle: number,
    person: string,
    pin: number[],
    recoveryKey: string | null
  ): Promise<void> {
    const vault = this.at('createForPerson', handle);
    checkRecoveryKey(recoveryKey);
    if (vault.policy !== null) throw failure('invalid_input', 'there is a vault already');
    vault.people.addPin(person, pin);
    if (recoveryKey !== null) vault.people.addSlot('recovery');
    vault.policy = 'person';
    vault.set('unlocked');
  }

  async lock(handle: number): Promise<void> {
    this.at('lock', handle).set('locked');
  }

  async unlockWithPin(handle: number, person: string, pin: number[]): Promise<void> {
    const vault = this.vaultOf(handle);
    vault.requireMade();
    vault.opening(() => {
      this.fail('unlockWithPin');
      vault.people.try(person, pin);
    });
    vault.set('unlocked');
  }

  async unlockWithPresence(handle: number): Promise<void> {
    const vault = this.vaultOf(handle);
    vault.opening(() => {
      this.fail('unlockWithPresence');
      if (!vault.people.hasSlot('presence')) throw failure('not_found', 'there is no such slot');
    });
    vault.set('unlocked');
  }

  async makeRecoveryRequest(handle: number): Promise<RecoveryRequest> {
    const vault = this.at('makeRecoveryRequest', handle);
    if (!vault.people.hasSlot('recovery')) {
      throw failure('not_found', 'the vault has no recovery key');
    }
    vault.recovery = { answer: 'YW5zd2Vy' };
    return { request: 'cmVxdWVzdA==', fingerprint: '0123456789abcdef' };
  }

  async unlockWithRecovery(handle: number, answer: string): Promise<void> {
    const vault = this.at('unlockWithRecovery', handle);
    if (vault.recovery?.answer !== answer) {
      throw failure('key_mismatch', 'the answer is not for this request');
    }
    vault.recovery = null;
    vault.set('unlocked');
  }

  async replaceDeviceSlot(handle: number): Promise<void> {
    this.unlocked('replaceDeviceSlot', handle);
  }

  async keySlots(handle: number): Promise<KeySlots> {
    const { people, state } = this.at('keySlots', handle);
    return {
      slots: people.list(),
      proven: state === 'unlocked',
      rotationDue: people.rotationDue,
    };
  }

  async pinStanding(handle: number, person: string): Promise<PinStanding> {
    return this.at('pinStanding', handle).people.standing(person);
  }

  async addPin(handle: number, person: string, pin: number[]): Promise<void> {
    const vault = this.unlocked('addPin', handle);
    if (vault.policy === 'device') {
      throw failure('invalid_input', 'a vault of this policy has no PINs');
    }
    vault.people.addPin(person, pin);
  }

  async changePin(handle: number, person: string, old: number[], next: number[]): Promise<void> {
    this.unlocked('changePin', handle).people.changePin(person, old, next);
  }

  async resetPin(handle: number, person: string, pin: number[]): Promise<void> {
    this.unlocked('resetPin', handle).people.resetPin(person, pin);
  }

  async removePin(handle: number, person: string): Promise<void> {
    this.unlocked('removePin', handle).people.removePin(person);
  }

  async addPresence(handle: number): Promise<string> {
    return this.unlocked('addPresence', handle).people.addSlot('presence');
  }

  async removeSlot(handle: number, slotId: string): Promise<void> {
    this.unlocked('removeSlot', handle).people.removeSlot(slotId);
  }

  async rotateRootKey(handle: number): Promise<void> {
    this.unlocked('rotateRootKey', handle).people.rotationDue = false;
  }

  async wipe(handle: number): Promise<void> {
    const vault = this.at('wipe', handle);
    vault.empty();
    this.vaults.delete(vault.name);
    for (const other of [...vault.handles]) this.drop(vault, other);
  }

  async lastRefusal(handle: number): Promise<RefusalReport | null> {
    return this.at('lastRefusal', handle).refusal;
  }

  async quarantineVault(handle: number, unsynced: number | null): Promise<QuarantinedVault> {
    const vault = this.at('quarantineVault', handle);
    vault.requireMade();
    if (unsynced !== vault.records.outbox.roots().length) {
      throw failure('invalid_input', "the loss that was acknowledged is not the vault's");
    }
    const list = this.aside.get(vault.name) ?? [];
    const entry = { name: `${vault.name}.quarantine.${list.length + 1}`, unsynced };
    this.aside.set(vault.name, [...list, entry]);
    vault.empty();
    return entry;
  }

  async quarantinedVaults(handle: number): Promise<QuarantinedVault[]> {
    return this.aside.get(this.at('quarantinedVaults', handle).name) ?? [];
  }

  async salvage(handle: number): Promise<SalvageReport> {
    this.at('salvage', handle);
    throw failure('unsupported', 'a vault in memory is never damaged');
  }

  async salvageWithPresence(handle: number): Promise<SalvageReport> {
    return this.salvage(handle);
  }

  async salvageWithRecovery(handle: number): Promise<SalvageReport> {
    return this.salvage(handle);
  }

  async diagnose(handle: number): Promise<string> {
    const vault = this.at('diagnose', handle);
    return JSON.stringify({ state: vault.state, policy: vault.policy });
  }

  async integrity(handle: number): Promise<IntegrityReport | null> {
    this.unlocked('integrity', handle);
    return { done: null, total: null, damagedTrees: 0, checked: true };
  }

  async runKeyStoreSelfTest(optionsJson: string): Promise<KeyStoreReport> {
    this.fail('runKeyStoreSelfTest');
    parse(optionsJson, 'options are an object');
    const steps = [{ name: 'in memory', passed: true, failure: null }];
    return { passed: true, level: 'unprotected', steps };
  }

  // key–value store

  kvGetSync(handle: number, space: string, key: string): string {
    return this.reply(() => this.unlocked('kvGetSync', handle).kv.get(space, key) ?? '-');
  }

  async kvGet(handle: number, space: string, key: string): Promise<string | null> {
    return this.unlocked('kvGet', handle).kv.get(space, key);
  }

  kvMultiGetSync(handle: number, space: string, keys: string[]): string {
    return this.reply(
      () => `j${JSON.stringify(this.unlocked('kvMultiGetSync', handle).kv.multiGet(space, keys))}`
    );
  }

  async kvMultiGet(handle: number, space: string, keys: string[]): Promise<(string | null)[]> {
    return this.unlocked('kvMultiGet', handle).kv.multiGet(space, keys);
  }

  kvKeysSync(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): string {
    return this.reply(() => {
      const page = this.unlocked('kvKeysSync', handle).kv.keys(space, prefix, after, limit);
      return `j${JSON.stringify(page)}`;
    });
  }

  async kvKeys(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): Promise<KeyPage> {
    return this.unlocked('kvKeys', handle).kv.keys(space, prefix, after, limit);
  }

  async kvSet(
    handle: number,
    space: string,
    key: string,
    value: string,
    expiresInMs: number | null
  ): Promise<void> {
    this.unlocked('kvSet', handle).kv.set(space, [{ key, value, expiresInMs }]);
  }

  async kvMultiSet(handle: number, space: string, entriesJson: string): Promise<void> {
    const { kv } = this.unlocked('kvMultiSet', handle);
    kv.set(space, parse(entriesJson, 'entries are a list') as KvEntry[]);
  }

  async kvRemove(handle: number, space: string, key: string): Promise<boolean> {
    return this.unlocked('kvRemove', handle).kv.remove(space, [key]) > 0;
  }

  async kvMultiRemove(handle: number, space: string, keys: string[]): Promise<number> {
    return this.unlocked('kvMultiRemove', handle).kv.remove(space, keys);
  }

  async kvClear(handle: number, space: string): Promise<number> {
    return this.unlocked('kvClear', handle).kv.clear(space);
  }

  async kvCompareAndSet(
    handle: number,
    space: string,
    key: string,
    expected: string | null,
    next: string | null,
    expiresInMs: number | null
  ): Promise<boolean> {
    const { kv } = this.unlocked('kvCompareAndSet', handle);
    return kv.compareAndSet(space, { key, expected, next, expiresInMs });
  }

  // records

  async createRecord(handle: number, table: string, fieldsJson: string): Promise<string> {
    const vault = this.unlocked('createRecord', handle);
    const fields = parse(fieldsJson, 'a JSON object of columns is expected');
    return vault.records.apply([{ op: 'insert', table, fields }])[0] ?? '';
  }

  async updateRecord(handle: number, table: string, id: string, fieldsJson: string): Promise<void> {
    const vault = this.unlocked('updateRecord', handle);
    const fields = parse(fieldsJson, 'a JSON object of columns is expected');
    vault.records.apply([{ op: 'update', table, id, fields }]);
  }

  async deleteRecord(handle: number, table: string, id: string): Promise<void> {
    this.unlocked('deleteRecord', handle).records.apply([{ op: 'delete', table, id }]);
  }

  async batchRecords(handle: number, operationsJson: string): Promise<string[]> {
    const vault = this.unlocked('batchRecords', handle);
    const operations = parse(operationsJson, 'a batch is a list of operations');
    if (!Array.isArray(operations)) {
      throw failure('invalid_input', 'a batch is a list of operations');
    }
    return vault.records.apply(operations);
  }

  findRecordSync(handle: number, table: string, id: string): string {
    return this.reply(() => {
      const row = this.unlocked('findRecordSync', handle).records.shown(table, id);
      return row === null ? '-' : `j${JSON.stringify(row)}`;
    });
  }

  async findRecord(handle: number, table: string, id: string): Promise<string | null> {
    const row = this.unlocked('findRecord', handle).records.shown(table, id);
    return row === null ? null : JSON.stringify(row);
  }

  async queryRecords(handle: number, table: string, queryJson: string): Promise<string> {
    return this.unlocked('queryRecords', handle).records.page(table, queryJson);
  }

  async countRecords(handle: number, table: string, queryJson: string): Promise<number> {
    return this.unlocked('countRecords', handle).records.count(table, queryJson);
  }

  // peers and sync

  async signIn(
    handle: number,
    url: string,
    _privateCaPem: string | null,
    email: string,
    _password: number[],
    operation: number
  ): Promise<SignedInPerson> {
    const vault = this.unlocked('signIn', handle);
    if (!url.startsWith('https://')) throw failure('invalid_input', 'the address is not https');
    await this.cancellable(operation);
    const person = { id: email, name: email, role: 'provider', clinicId: null };
    vault.peers.signedIn = { person, url };
    return person;
  }

  async signOut(handle: number): Promise<void> {
    this.unlocked('signOut', handle).peers.signedIn = null;
  }

  async pairHub(handle: number): Promise<PairedHub> {
    this.unlocked('pairHub', handle);
    throw failure('unsupported', 'the mock has no hub');
  }

  async signInAtHub(handle: number): Promise<SignedInPerson> {
    this.unlocked('signInAtHub', handle);
    throw failure('not_found', 'there is no such hub');
  }

  async hubs(handle: number): Promise<PairedHub[]> {
    this.unlocked('hubs', handle);
    return [];
  }

  async moveHub(handle: number): Promise<void> {
    this.unlocked('moveHub', handle);
    throw failure('not_found', 'there is no such hub');
  }

  async forgetPeer(handle: number): Promise<void> {
    this.unlocked('forgetPeer', handle);
  }

  async sync(
    handle: number,
    peer: string | null,
    _fullPull: boolean,
    operation: number
  ): Promise<SyncReport> {
    const vault = this.vaultOf(handle);
    try {
      this.fail('sync');
    } catch (error) {
      vault.peers.noteFailure(error);
      throw error;
    }
    vault.requireUnlocked();
    if (peer !== null && peer !== 'cloud') throw failure('not_found', 'there is no such peer');
    if (vault.peers.signedIn === null) throw failure('not_signed_in', 'nobody is signed in');
    vault.peers.syncing ??= this.runSync(vault, operation).finally(
      () => (vault.peers.syncing = null)
    );
    return vault.peers.syncing;
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

  async digest(handle: number): Promise<TableDigest[]> {
    const { records } = this.unlocked('digest', handle);
    return records.schema.tables
      .filter((table) => table.direction !== 'local')
      .map(({ name }) => {
        const rows = records.all(name);
        return { table: name, rows: rows.length, digest: digestOf(rows) };
      });
  }

  cancelOperation(operation: number): void {
    this.cancels.get(operation)?.();
  }

  // inside

  private async runSync(vault: MemoryVault, operation: number): Promise<SyncReport> {
    const tell = (phase: string) => {
      const event = { operation, peer: 'cloud', phase, bytes: 0, rows: 0, totalRows: null };
      this.tell(vault, this.progress, event);
    };
    try {
      for (const phase of ['pulling', 'applying', 'pushing']) {
        tell(phase);
        await this.cancellable(operation, phase === 'pulling' ? this.gate : null);
        vault.requireUnlocked();
      }
      const report = vault.peers.exchange(this.cloud);
      tell('finished');
      return report;
    } catch (error) {
      vault.peers.noteFailure(error);
      throw error;
    }
  }

  private async cancellable(operation: number, gate: Promise<void> | null = null): Promise<void> {
    if (operation === 0) return gate ?? undefined;
    let cancelled = false;
    await new Promise<void>((resolve) => {
      this.cancels.set(operation, () => {
        cancelled = true;
        resolve();
      });
      void (gate ?? Promise.resolve()).then(resolve);
    });
    this.cancels.delete(operation);
    if (cancelled) throw failure('cancelled', 'the call was cancelled');
  }

  private make(name: string, schema: unknown): MemoryVault {
    const data = checkSchema(schema ?? hikma);
    const vault: MemoryVault = new MemoryVault(name, data, this.now, {
      records: (tables, fromPeer, revision) =>
        this.tell(vault, this.changes, { revision, fromPeer, tables }),
      values: (space, keys) => this.tell(vault, this.kvChanges, { space, keys }),
      state: (state) => this.tell(vault, this.states, { state }),
    });
    this.vaults.set(name, vault);
    return vault;
  }

  private tell<E extends { handle: number }>(
    vault: MemoryVault,
    emitter: Emitter<E>,
    event: Omit<E, 'handle'>
  ): void {
    for (const handle of vault.handles) emitter.emit({ ...event, handle } as E);
  }

  private drop(vault: MemoryVault, handle: number): void {
    this.states.emit({ handle, state: 'closed' });
    vault.handles.delete(handle);
    this.handles.delete(handle);
  }

  private vaultOf(handle: number): MemoryVault {
    const vault = this.handles.get(handle);
    if (vault === undefined) throw failure('closed', 'the vault is closed');
    return vault;
  }

  private at(method: keyof Spec, handle: number): MemoryVault {
    const vault = this.vaultOf(handle);
    this.fail(method);
    return vault;
  }

  private unlocked(method: keyof Spec, handle: number): MemoryVault {
    const vault = this.at(method, handle);
    vault.requireUnlocked();
    return vault;
  }

  private fail(method: keyof Spec): void {
    const at = this.failures.findIndex((entry) => entry.method === method);
    const [entry] = at < 0 ? [] : this.failures.splice(at, 1);
    if (entry === undefined) return;
    const { code, retryAfterMs } = entry;
    throw failure(code, 'the test said so', retryAfterMs === undefined ? {} : { retryAfterMs });
  }

  private reply(work: () => string): string {
    try {
      return work();
    } catch (error) {
      return replyOf(error);
    }
  }
}

function parse(json: string, form: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  if (typeof value !== 'object' || value === null) throw failure('invalid_input', form);
  return value;
}

/** The same for the same rows in any order. Not the core's hash: digests are compared, not known. */
function digestOf(rows: readonly unknown[]): string {
  let sum = 0n;
  for (const row of rows) {
    let hash = 0xcbf29ce484222325n;
    for (const unit of JSON.stringify(row)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(unit.codePointAt(0) ?? 0)) * 0x100000001b3n);
    }
    sum = BigInt.asUintN(64, sum + hash);
  }
  return sum.toString(16).padStart(64, '0');
}

function checkRecoveryKey(base64: string | null): void {
  if (base64 !== null && fromBase64(base64)?.length !== 32) {
    throw failure('invalid_input', 'a recovery key is 32 bytes in base64');
  }
}
