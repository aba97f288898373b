/**
 * The contract between JavaScript and the phone: the one list of calls that the Kotlin module and the
 * Swift module implement. Owns no behaviour. Apps do not use it; they use `openVault`.
 *
 * Rules that hold for every method:
 *
 * - A *handle* is a positive whole number that names an open vault. It is never used twice in one
 *   process. A handle that is unknown, closed, not whole or NaN is rejected as `closed`.
 * - Nothing here blocks the JavaScript thread but the methods whose name ends in `Sync` and
 *   `vaultState`. Those never wait for a writer, a network or a key store.
 * - A promise is rejected with `code` = a code of `errors.ts`, `message` = the fixed text, and
 *   `userInfo` = `{ retryable: boolean, retryAfterMs: number | null, at: string | null }`. No other
 *   rejection exists: what is unexpected becomes `internal`.
 * - The `Sync` methods never throw, since a native exception has no form that all React Native
 *   versions agree on. They return *tagged text*: the first character says what follows.
 *     `-`  nothing follows: no such value, no such record
 *     `t`  the text of a value
 *     `b`  the bytes of a value in base64 (RFC 4648, padded)
 *     `j`  JSON
 *     `!`  an error: `{"code","detail","retryable","retryAfterMs","at"}` as JSON
 * - A *value* of the key–value store crosses as tagged text too: `t…` or `b…`.
 * - `space` is a namespace of the key–value store: `stored:NAME` or `session:NAME`. (`namespace` is a
 *   reserved word in the C++ that codegen writes.)
 * - A secret that a person typed (PIN, password) crosses as an array of the bytes of its UTF-8, so that
 *   native code can wipe its copy. Each element is a whole number from 0 to 255, else `invalid_input`.
 * - An *operation* is a whole number above 0 that JavaScript chose and uses once; it names a running
 *   call for `cancelOperation` and in `onSyncProgress`. 0: the call cannot be cancelled.
 * - Arguments named `…Json` are JSON text; a text that is not of the described form is rejected as
 *   `invalid_input`. Times are epoch milliseconds of the device, durations milliseconds.
 * - Text with a lone surrogate is refused in JavaScript before it gets here.
 */
import type { CodegenTypes, TurboModule } from 'react-native';
import { TurboModuleRegistry } from 'react-native';

/** An open vault. */
export type OpenedVault = {
  handle: number;
  /** `locked` or `unlocked`. */
  state: string;
  /** Whether this call made the vault. */
  created: boolean;
};

/** One way to the key of a vault. */
export type KeySlot = {
  /** 32 hexadecimal digits. */
  id: string;
  /** `device`, `pin`, `biometric` or `recovery`. */
  kind: string;
  /** For `pin`: whose. */
  person: string | null;
  /** `secure_element`, `trusted_environment`, `software`, `unprotected`; null for `recovery`. */
  level: string | null;
};

/** Why a vault did not open, and what that means. */
export type RefusalReport = {
  /** The code of the last refused open or unlock; null where the last one went well. */
  code: string | null;
  /** A word for the cause, such as `alias_absent`; null where the code says it all. */
  reason: string | null;
  /** Records that no peer has taken yet: a hint, null if unknown. */
  unsynced: number | null;
  /** For `pin_delayed`: how long until the next attempt counts. */
  delayMs: number | null;
  /** For `wrong_pin`: attempts before the next delay. */
  attemptsLeft: number | null;
  /** What can be done: some of `retry`, `other_slot`, `recovery`, `quarantine`, `salvage`, `update_app`. */
  actions: Array<string>;
};

/** A vault that was put aside. */
export type QuarantinedVault = {
  /** Names it among those of the same vault; 1 is the oldest. */
  number: number;
  unsynced: number | null;
};

/** What was read out of a damaged database. */
export type SalvageReport = {
  tables: Array<SalvagedTable>;
};

export type SalvagedTable = {
  table: string;
  rows: number;
  /** Whether all of it could be read. */
  complete: boolean;
};

/** What an organisation needs to open a vault whose keys are gone. */
export type RecoveryRequest = {
  /** The request in base64. */
  request: string;
  /** 16 hexadecimal digits that both sides read to each other first. */
  fingerprint: string;
};

export type IntegrityReport = {
  intact: boolean;
  /** Damaged pages; none where it is intact. */
  damagedPages: number;
};

export type KeyStoreReport = {
  passed: boolean;
  level: string | null;
  steps: Array<KeyStoreStep>;
};

export type KeyStoreStep = {
  name: string;
  passed: boolean;
  failure: string | null;
};

/** A page of keys, in the order of their bytes. */
export type KeyPage = {
  keys: Array<string>;
  /** `after` of the next page; null on the last. */
  next: string | null;
};

/** The signed-in person. */
export type SignedInPerson = {
  id: string;
  name: string;
  role: string;
  clinicId: string | null;
};

/** A peer that a vault syncs with. */
export type PeerInfo = {
  /** `cloud`, or `hub:` and the hub's id. */
  peer: string;
  /** The name that the peer gave; null for the cloud. */
  name: string | null;
  url: string;
  person: SignedInPerson | null;
};

/** What one sync did, in counts. */
export type SyncReport = {
  peer: string;
  pulled: number;
  pulledDeletions: number;
  bytes: number;
  inserted: number;
  updated: number;
  unchanged: number;
  deleted: number;
  conflicts: number;
  lostEdits: number;
  refused: number;
  unreadable: number;
  pushed: number;
  pushedDeletions: number;
  quarantined: number;
  silentlyRefused: number;
  requests: number;
};

/** Where a vault stands with one peer. */
export type PeerStatus = {
  peer: string;
  /** Records that this peer has not taken. */
  pending: number;
  lastSuccessMs: number | null;
  /** The peer's clock minus the device's. */
  skewMs: number;
  syncing: boolean;
  /** When the next attempt makes sense; null: at any time. */
  nextTryMs: number | null;
  /** The code of the last failure; null where the last sync went well. */
  lastError: string | null;
};

export type PendingTable = {
  table: string;
  pending: number;
};

/** Where a vault stands with its peers. */
export type SyncStatus = {
  person: SignedInPerson | null;
  peers: Array<PeerStatus>;
  /** Records that some peer has not taken. */
  pending: number;
  pendingByTable: Array<PendingTable>;
  quarantined: number;
  conflicts: number;
};

/** Where one record is. */
export type RecordStanding = {
  /** Whether the record has edits that no peer has. */
  localOnly: boolean;
  /** Peers that hold its present state. */
  heldBy: Array<string>;
  quarantined: boolean;
};

/** An entry of the conflict ledger. Values are JSON text. */
export type ConflictEntry = {
  id: number;
  atMs: number;
  /** `both_changed`, `deleted_by_peer` or `changed_by_peer`. */
  kind: string;
  peer: string;
  table: string;
  recordId: string;
  column: string | null;
  base: string | null;
  local: string | null;
  remote: string | null;
  /** Who had changed it here, where that is known. */
  actor: string | null;
  undone: boolean;
};

/** A record that a peer refuses by itself, or that waits for such a one. */
export type QuarantinedRecord = {
  table: string;
  recordId: string;
  peer: string;
  atMs: number;
  /** A code of `errors.ts` or a word for the peer's refusal. */
  reason: string;
  /** Whether it only waits for another record that is refused. */
  waits: boolean;
};

/** A record that a peer took and then did not keep. */
export type SilentRefusal = {
  id: number;
  atMs: number;
  peer: string;
  table: string;
  recordId: string;
  /** The columns; empty where the whole record is not there. */
  columns: Array<string>;
};

export type TableDigest = {
  table: string;
  rows: number;
  /** 64 hexadecimal digits. */
  digest: string;
};

/** A committed transaction changed records. */
export type ChangeEvent = {
  handle: number;
  revision: number;
  fromPeer: boolean;
  tables: Array<ChangedTable>;
};

export type ChangedTable = {
  table: string;
  /** The records; null where they are more than a thousand. */
  ids: Array<string> | null;
};

/** A committed transaction changed values of one namespace. That a value expired is not told. */
export type KvChangeEvent = {
  handle: number;
  space: string;
  /** The keys; null where the namespace was cleared or they are more than a thousand. */
  keys: Array<string> | null;
};

/** How far a sync is; at most a few times a second. */
export type SyncProgressEvent = {
  handle: number;
  /** Of the call that started the sync. */
  operation: number;
  peer: string;
  /** `pulling`, `applying`, `pushing`, `waiting` or `finished`. */
  phase: string;
  bytes: number;
  rows: number;
  totalRows: number | null;
};

/** A vault was locked, unlocked or closed, by whatever cause. */
export type VaultStateEvent = {
  handle: number;
  /** `locked`, `unlocked` or `closed`. */
  state: string;
};

export interface Spec extends TurboModule {
  // Life of a vault

  /**
   * Opens a vault by name. `configJson`:
   * `{"name": "clinic", "policy": "device" | "person", "schema"?: {…}, "idleLockMs"?: 300000,
   *   "keyStore"?: {"strict"?: false, "strongBox"?: false}, "recoveryKey"?: base64 of 32 bytes,
   *   "dropPinAfter"?: number, "cloudSync"?: "password" | "token", "lastWord"?: "cloud" | "hub",
   *   "merge"?: {TABLE: "local" | "remote" | "latest"}}`.
   * The name is a–z, 0–9, `-` and `_`, 1 to 64 long, a letter first; native code chooses the directory,
   * outside of backups. Policy `device`: made on the first run, opened unlocked. Policy `person`: opened
   * locked; `not_found` where there is none yet. A vault that exists with the other policy, or another
   * recovery key: `invalid_input`. A second open of one name gives another handle of the same vault.
   * Errors: every row of the open-time table.
   */
  openVault(configJson: string): Promise<OpenedVault>;
  /**
   * Makes a vault of policy `person` with its first person, and opens it unlocked. `configJson` as
   * for `openVault`. `invalid_input` where a vault of that name exists.
   */
  createPersonVault(configJson: string, person: string, pin: Array<number>): Promise<OpenedVault>;
  /** Whether a vault of that name exists, locked, damaged or whole. Asks no key store. */
  vaultExists(name: string): Promise<boolean>;
  /** Lets go of the handle; the last one closes the vault for good. A second time is no error. */
  closeVault(handle: number): Promise<void>;
  /** `locked`, `unlocked` or `closed`; `closed` for an unknown handle. Never fails, answers at once. */
  vaultState(handle: number): string;

  /** Closes the database, drops the keys; ends a running sync. No error where it is locked. */
  lock(handle: number): Promise<void>;
  /** Opens a vault of policy `device` again. No error where it is unlocked. */
  unlock(handle: number): Promise<void>;
  /** `wrong_pin` (counted), `pin_delayed` (with `retryAfterMs`), `not_found` without such a person. */
  unlockWithPin(handle: number, person: string, pin: Array<number>): Promise<void>;
  /**
   * Shows the platform's prompt with these texts. `presence_required` where the person does not
   * confirm, `not_found` without such a slot, `unsupported` before Android 9.
   */
  unlockWithPresence(handle: number, title: string, cancelText: string): Promise<void>;
  /** Works on a locked vault. `not_found` where it has no recovery key. Forgets an older request. */
  makeRecoveryRequest(handle: number): Promise<RecoveryRequest>;
  /** Opens with the answer (base64) to the last request. `key_mismatch` for any other answer. */
  unlockWithRecovery(handle: number, answer: string): Promise<void>;

  /** The slots. Works on a locked vault, where the list is not proven yet. */
  keySlots(handle: number): Promise<Array<KeySlot>>;
  /** `invalid_input` where the person has a PIN, or the policy is `device`. */
  addPin(handle: number, person: string, pin: Array<number>): Promise<void>;
  /** A wrong old PIN counts as at unlocking. */
  changePin(
    handle: number,
    person: string,
    oldPin: Array<number>,
    newPin: Array<number>
  ): Promise<void>;
  /** Deletes the person's slot and schedules a new root key. The last slot stays: `invalid_input`. */
  removePin(handle: number, person: string): Promise<void>;
  /** Adds a slot that asks for the finger or face; shows the prompt. Resolves to the slot's id. */
  addPresence(handle: number, title: string, cancelText: string): Promise<string>;
  removeSlot(handle: number, slotId: string): Promise<void>;
  /** A new root key for the whole vault. Takes seconds for 100 MB; `storage_full` without room. */
  rotateRootKey(handle: number): Promise<void>;
  /** Destroys keys, database and attachments; the handle is closed. Resumed after a kill. */
  wipe(handle: number): Promise<void>;

  /** What stood in the way of the last open or unlock of that name. Needs no key. */
  refusalReport(name: string): Promise<RefusalReport>;
  /**
   * Puts a vault that does not open aside, whole; the next open is a first run.
   * `acknowledgedUnsynced` is the number that the person was shown, null for unknown; another than
   * the vault's own: `invalid_input`. `busy` while a handle is open.
   */
  quarantineVault(name: string, acknowledgedUnsynced: number | null): Promise<QuarantinedVault>;
  quarantinedVaults(name: string): Promise<Array<QuarantinedVault>>;
  /**
   * For `database_damaged`: reads what can be read into a fresh database, keeps the damaged one
   * aside, and leaves the vault unlocked under the given handle. The rest comes with the next full pull.
   */
  salvage(handle: number): Promise<SalvageReport>;
  /** A JSON report for support, of a vault by name; no key needed; no secret, no record in it. */
  diagnose(name: string): Promise<string>;
  /** The same for an open vault: cipher version, settings and counts too. */
  diagnoseVault(handle: number): Promise<string>;
  /** Reads every page and checks it. Takes about a second for 100 MB; cancel by `operation`. */
  checkIntegrity(handle: number, operation: number): Promise<IntegrityReport>;
  /** Checks on this device what vaults rely on. `optionsJson`: `{"strict"?, "strongBox"?}`. */
  runKeyStoreSelfTest(optionsJson: string): Promise<KeyStoreReport>;

  // Key–value store

  /** Tagged text: `t…`, `b…`, `-` or `!…`. */
  kvGetSync(handle: number, space: string, key: string): string;
  kvGet(handle: number, space: string, key: string): Promise<string | null>;
  /** `j` and a JSON array in the order of the keys: tagged value or null. At most 10,000 keys. */
  kvMultiGetSync(handle: number, space: string, keys: Array<string>): string;
  kvMultiGet(
    handle: number,
    space: string,
    keys: Array<string>
  ): Promise<Array<string | null>>;
  /** `j` and `{"keys":[…],"next":TEXT|null}`. `limit` is from 1 to 1000; `after` null: from the start. */
  kvKeysSync(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): string;
  kvKeys(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): Promise<KeyPage>;
  /** `expiresInMs` null: never. 0 or less, or not whole: `invalid_input`. Over 16 MiB: `value_too_large`. */
  kvSet(
    handle: number,
    space: string,
    key: string,
    value: string,
    expiresInMs: number | null
  ): Promise<void>;
  /** One transaction. `[{"key":…,"value":TAGGED,"expiresInMs"?:…}, …]`, at most 10,000. */
  kvMultiSet(handle: number, space: string, entriesJson: string): Promise<void>;
  /** Whether there was one. */
  kvRemove(handle: number, space: string, key: string): Promise<boolean>;
  /** One transaction; how many there were. At most 10,000 keys. */
  kvMultiRemove(handle: number, space: string, keys: Array<string>): Promise<number>;
  /** How many there were. */
  kvClear(handle: number, space: string): Promise<number>;
  /** Null means: missing. Whether the present value was the expected one, and so was replaced. */
  kvCompareAndSet(
    handle: number,
    space: string,
    key: string,
    expected: string | null,
    next: string | null,
    expiresInMs: number | null
  ): Promise<boolean>;

  // Records

  /** `fieldsJson`: an object of columns. Resolves to the id: the one given (a UUID), else a new one. */
  createRecord(handle: number, table: string, fieldsJson: string): Promise<string>;
  updateRecord(handle: number, table: string, recordId: string, fieldsJson: string): Promise<void>;
  /** With its declared children. */
  deleteRecord(handle: number, table: string, recordId: string): Promise<void>;
  /**
   * One transaction: `[{"op":"insert","table","fields"} | {"op":"update","table","id","fields"} |
   * {"op":"delete","table","id"}, …]`, at most 10,000. The ids, in the same order.
   */
  batchRecords(handle: number, operationsJson: string): Promise<Array<string>>;
  /** `j` and the record as a JSON object, `-`, or `!…`. */
  findRecordSync(handle: number, table: string, recordId: string): string;
  /** The record as JSON text, or null. */
  findRecord(handle: number, table: string, recordId: string): Promise<string | null>;
  /** A page: `{"columns":[…],"rows":[[…],…],"next_offset":N|null}` as JSON text. */
  queryRecords(handle: number, table: string, queryJson: string): Promise<string>;
  countRecords(handle: number, table: string, queryJson: string): Promise<number>;

  // Peers and sync

  /** Signs in at the cloud and makes it a peer. `privateCaPem` null: the public roots. */
  signIn(
    handle: number,
    url: string,
    privateCaPem: string | null,
    email: string,
    password: Array<number>,
    operation: number
  ): Promise<SignedInPerson>;
  /** Removes the cloud's session and password. Records stay. */
  signOut(handle: number): Promise<void>;
  /**
   * Pairs with a local hub from the text of its QR code and signs in there. `invalid_input` for a code
   * without id and key, `peer_identity_mismatch` before any credential leaves.
   */
  pairHub(
    handle: number,
    qrText: string,
    email: string,
    password: Array<number>,
    operation: number
  ): Promise<PeerInfo>;
  peers(handle: number): Promise<Array<PeerInfo>>;
  /** Forgets a hub. Records, and what no peer has taken yet, stay. */
  forgetPeer(handle: number, peer: string): Promise<void>;
  /**
   * Pulls, merges, pushes. `peer` null: the cloud. A second call for the same peer joins the first;
   * its own `operation` then cancels only its own wait.
   */
  sync(
    handle: number,
    peer: string | null,
    fullPull: boolean,
    operation: number
  ): Promise<SyncReport>;
  syncStatus(handle: number): Promise<SyncStatus>;
  recordStanding(handle: number, table: string, recordId: string): Promise<RecordStanding>;
  /** After this id, oldest first, at most 1,000. 0: from the start. */
  conflicts(handle: number, after: number): Promise<Array<ConflictEntry>>;
  /** Writes the other side's value back as an edit of today. Once per entry: then `not_found`. */
  undoConflict(handle: number, conflictId: number): Promise<void>;
  quarantinedRecords(handle: number): Promise<Array<QuarantinedRecord>>;
  /** The next sync tries the record again. */
  releaseRecord(handle: number, table: string, recordId: string): Promise<void>;
  /** After this id, oldest first, at most 1,000. */
  silentRefusals(handle: number, after: number): Promise<Array<SilentRefusal>>;
  /** Equal on two devices that hold the same. */
  digest(handle: number): Promise<Array<TableDigest>>;
  /** Cancels the call that was given this operation. No error where there is none, or it is done. */
  cancelOperation(operation: number): void;

  // Events of every open handle, from `openVault` to `closeVault`. Each is sent once per cause, in the
  // order in which it happened, after the promise of the call that caused it may have been resolved.

  readonly onChange: CodegenTypes.EventEmitter<ChangeEvent>;
  readonly onKvChange: CodegenTypes.EventEmitter<KvChangeEvent>;
  readonly onSyncProgress: CodegenTypes.EventEmitter<SyncProgressEvent>;
  readonly onVaultState: CodegenTypes.EventEmitter<VaultStateEvent>;
}

/** The module of the running app. Not loaded before the first call, so that importing costs nothing. */
export function loadNativeAmana(): Spec {
  return TurboModuleRegistry.getEnforcing<Spec>('Amana');
}
