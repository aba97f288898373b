/**
 * The contract between JavaScript and the phone: the one list of calls that the Kotlin module and the
 * Swift module implement. Owns no behaviour. Apps do not use it; they use `openVault`.
 * Long because codegen reads the contract out of one file.
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

/** A handle of a vault. */
export type AttachedVault = {
  handle: number;
  /** `locked` or `unlocked`. */
  state: string;
};

/** What can be told of a vault without a key. Not proven. */
export type VaultGlance = {
  /** `nothing`, `vault` or `half_wiped`. */
  presence: string;
  /** `device` or `person`; null where there is no vault. */
  policy: string | null;
  /** Whether the organisation can help where a key is lost. */
  hasRecovery: boolean;
  /** Records that no peer had taken when it was last open: a hint, null if unknown. */
  unsynced: number | null;
};

/** The ways to the key of a vault. */
export type KeySlots = {
  slots: Array<KeySlot>;
  /** Whether the list is authenticated; that of a locked vault is not. */
  proven: boolean;
  /** Whether a slot was removed since the root key was made: it is changed at the next opening. */
  rotationDue: boolean;
};

/** One way to the key of a vault. */
export type KeySlot = {
  /** 32 hexadecimal digits. */
  id: string;
  /** `device`, `pin`, `presence` or `recovery`. */
  kind: string;
  /** For `pin`: whose. */
  person: string | null;
  /** `secure_element`, `trusted_environment`, `software`, `unprotected`; null for `recovery`. */
  level: string | null;
};

/** What is held against a person's next PIN. */
export type PinStanding = {
  /** Wrong PINs since the last right one. */
  failures: number;
  /** Until the next may be tried. */
  delayMs: number;
  /** Whether the slot is gone. */
  dropped: boolean;
};

/** What a refused opening, or a refused PIN, says beyond its code. */
export type RefusalReport = {
  code: string;
  /** Fixed text for people who read logs. */
  detail: string;
  /** With `key_lost`: `absent` or `invalidated`. */
  keyLost: string | null;
  /** Records that no peer has taken, where the vault may be lost: a hint, null if unknown. */
  unsynced: number | null;
  /** What can be done, the mildest first: of `try_later`, `recovery`, `salvage`, `quarantine`. */
  remedies: Array<string>;
  /** With `wrong_pin`: wrong PINs since the last right one. */
  failures: number | null;
  /** With `wrong_pin` and `pin_delayed`: until the next may be tried. */
  delayMs: number | null;
  /** With `wrong_pin`: whether it was the last that this slot took. */
  slotDropped: boolean;
  /** Whether the opening ended a wipe that was interrupted: there is no vault any more. */
  wipeFinished: boolean;
};

/** A vault that was put aside. */
export type QuarantinedVault = {
  /** The name of its directory, beside the vault's. */
  name: string;
  unsynced: number | null;
};

/** What a salvage saved and what it could not. */
export type SalvageReport = {
  /** Whether the database's own description could be read. Where it could not, no table could. */
  descriptionReadable: boolean;
  tables: Array<SalvagedTable>;
  /** Edits that were readable, but whose record was not: there is nothing to push. */
  outboxWithoutRecord: number;
  /** Whether everything is pulled again from the beginning at the next sync. */
  fullPullDue: boolean;
};

export type SalvagedTable = {
  table: string;
  /** `records`, `outbox`, `key_values` or `books`. */
  kind: string;
  saved: number;
  /** Rows that could not be read: so many, or null where nothing tells. */
  lost: number | null;
  /** Whether `lost` is only the most that it can be. */
  lostAtMost: boolean;
};

/** What an organisation needs to open a vault whose keys are gone. */
export type RecoveryRequest = {
  /** The request in base64. */
  request: string;
  /** 16 hexadecimal digits that both sides read to each other first. */
  fingerprint: string;
};

/** What looking at every page found. The core looks in idle time; nobody has to start it. */
export type IntegrityReport = {
  /** Trees (tables and indexes) of the look that is under way, done and in all; null while it rests. */
  done: number | null;
  total: number | null;
  /** Trees in which damage was found; 0 where all is well. */
  damagedTrees: number;
  /** Whether a whole look has ended since the vault was opened. */
  checked: boolean;
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

/** A hub that was paired. */
export type PairedHub = {
  /** Its name as a peer, beginning with `hub:`. */
  peer: string;
  /** What it calls itself. Not authenticated: for people, not for decisions. */
  name: string;
  url: string;
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
  /** Columns that both sides had changed; see the ledger. */
  conflicts: number;
  /** Records deleted by the peer that had edits here; see the ledger. */
  lostEdits: number;
  /** Records that the peer had taken and did not keep; see the ledger. */
  notKept: number;
  /** Records that came under another id, which was taken over. */
  adopted: number;
  /** Of a pull of everything: records proven to be gone, and records that only were not in it. */
  gone: number;
  absent: number;
  /** Tables, columns and rows that must never be stored. */
  refused: number;
  /** Rights that a hub would have given, and that only the cloud may give. */
  refusedRights: number;
  unreadable: number;
  pushed: number;
  pushedDeletions: number;
  /** Records put aside because the peer refuses each of them by itself. */
  quarantined: number;
  /** Records that wait for one that was put aside, or for another peer. */
  waiting: number;
  requests: number;
};

export type TablePending = {
  table: string;
  /** Records that wait, those put aside included. */
  pending: number;
  quarantined: number;
};

/** Where a vault stands with one peer. */
export type PeerStatus = {
  /** `cloud`, or a hub's name as a peer. */
  peer: string;
  /** Whether a sync with it is running. */
  syncing: boolean;
  /** The peer's own time of the last pull that was applied; 0 before the first. */
  cursor: number;
  /** The peer's clock minus the device's. */
  skewMs: number;
  lastSuccessMs: number | null;
  lastAttemptMs: number | null;
  lastFullMs: number | null;
  /** The code of the last failure; null after a success. */
  lastError: string | null;
  /** Syncs that failed since the last one that ended well. */
  failures: number;
  /** When it makes sense to try again; null: at any time. */
  nextTryMs: number | null;
  /** What this peer has not taken, by table; only tables where something waits. */
  pending: Array<TablePending>;
};

/** Where a vault stands with its peers. */
export type SyncStatus = {
  /** Who is signed in. */
  person: SignedInPerson | null;
  /** At which cloud; null where nobody is. */
  url: string | null;
  /** Every peer that was ever synced with or paired. */
  peers: Array<PeerStatus>;
  /** Records in the outbox, those put aside included. */
  pending: number;
  quarantined: number;
  /** Entries of the ledger that nobody has undone. */
  conflicts: number;
  /** Records marked as absent. */
  absent: number;
  /** Rows that a peer took and no pull has confirmed yet. */
  unconfirmed: number;
  /** Connections of this process to the cloud that showed a key which is not pinned. */
  pinMismatches: number;
  syncing: boolean;
};

export type PeerRefusal = {
  peer: string;
  reason: string;
};

/** Where one record is. */
export type RecordStanding = {
  /** How far its newest version has come: `here_only`, `on_hub` or `in_cloud`. */
  standing: string;
  /** Whether it was deleted here; the deletion is what stands somewhere, then. */
  deleted: boolean;
  /** Whether a later pull has shown that the peer kept it; true where nothing waits for that. */
  confirmed: boolean;
  /** Peers that have taken the newest version while it waits for the one with the last word. */
  takenBy: Array<string>;
  refusedBy: Array<PeerRefusal>;
  /** Since when pulls of everything do not hold it, though that proves nothing; null: they do. */
  absentSinceMs: number | null;
};

/** An entry of the conflict ledger. Values are JSON text. */
export type ConflictEntry = {
  id: number;
  atMs: number;
  /** `both_changed`, `deleted_by_peer`, `changed_by_peer`, `not_kept` or `rule_failed`. */
  kind: string;
  peer: string | null;
  table: string;
  recordId: string;
  /** For `both_changed` and `rule_failed`, and for `not_kept` where one column is concerned. */
  column: string | null;
  base: string | null;
  local: string | null;
  remote: string | null;
  /** Whose value stayed: `local`, `remote` or `rule`. */
  kept: string;
  /** The id of the person who was signed in when it was found. */
  actor: string | null;
  localAtMs: number | null;
  remoteAtMs: number | null;
  /** When somebody took the other value after all. */
  undoneAtMs: number | null;
};

/** A record that was put aside because a peer refuses it. */
export type QuarantinedRecord = {
  peer: string;
  table: string;
  recordId: string;
  /** Why, in fixed text. */
  reason: string;
  sinceMs: number;
  /** When it is tried again by itself; null: only after an edit or a release. */
  retryAtMs: number | null;
  /** How many records wait for this one. */
  waiting: number;
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

/** Damage was found in the database while looking at every page. */
export type DamageEvent = {
  handle: number;
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
   * A handle of a vault by name: unlocked where it is open already, else locked. Asks no key store, and
   * needs no vault to be there. `configJson`:
   * `{"name": "clinic", "schema"?: {…}, "idleLockMs"?: 300000, "dropPinAfter"?: number,
   *   "keyStore"?: {"strict"?: false, "strongBox"?: false}, "cloudSync"?: "password" | "token",
   *   "cloudPins"?: {"pins": [base64…], "expiresMs": number, "reportOnly"?: false},
   *   "sync"?: {"lastWord"?: "cloud" | "hub", "conflicts"?: RULE, "tables"?: {TABLE: RULE},
   *   "cloudFullPullDays"?: 7, "hubFullPullDays"?: 1, "timeLimits"?: {"connectMs"?: 10000,
   *   "firstByteMs"?: 120000, "idleMs"?: 60000, "wholeMs"?: 1800000}}}`; RULE is "local", "remote" or
   * "latest".
   * Other members are refused. The name is a–z, 0–9, `-` and `_`, 1 to 48 long, a letter first; native
   * code chooses the directory, outside of backups. A second call for one name gives another handle of
   * the same vault. `invalid_input` for a schema that is none.
   */
  attachVault(configJson: string): Promise<AttachedVault>;
  /** Lets go of the handle; the last one closes the vault for good. A second time is no error. */
  closeVault(handle: number): Promise<void>;
  /** `locked`, `unlocked` or `closed`; `closed` for an unknown handle. Never fails, answers at once. */
  vaultState(handle: number): string;
  /** Works on a locked vault, and where there is none. */
  vaultGlance(handle: number): Promise<VaultGlance>;
  /**
   * Opens a vault of policy `device`: makes it where there is none, with this recovery key (base64 of
   * 32 bytes, or null), else unlocks it. Whether it was made. Errors: the open-time table's.
   */
  openForDevice(handle: number, recoveryKey: string | null): Promise<boolean>;
  /** Makes a vault of policy `person` where there is none, and opens it for its first person. */
  createForPerson(
    handle: number,
    person: string,
    pin: Array<number>,
    recoveryKey: string | null
  ): Promise<void>;

  /** Closes the database, drops the keys; ends a running sync. No error where it is locked. */
  lock(handle: number): Promise<void>;
  /** `wrong_pin` (counted), `pin_delayed` (with `retryAfterMs`), `not_found` without such a person. */
  unlockWithPin(handle: number, person: string, pin: Array<number>): Promise<void>;
  /**
   * Shows the platform's prompt, on Android with these texts. `presence_required` where the person does not
   * confirm, `not_found` without such a slot, `unsupported` before Android 9.
   */
  unlockWithPresence(handle: number, title: string, cancelText: string): Promise<void>;
  /** Works on a locked vault. `not_found` where it has no recovery key. Forgets an older request. */
  makeRecoveryRequest(handle: number): Promise<RecoveryRequest>;
  /** Opens with the answer (base64) to the last request. `key_mismatch` for any other answer. */
  unlockWithRecovery(handle: number, answer: string): Promise<void>;
  /** Makes a new device secret after a recovery, where the opening could not. */
  replaceDeviceSlot(handle: number): Promise<void>;

  /** Works on a locked vault, where the list is not proven. */
  keySlots(handle: number): Promise<KeySlots>;
  /** Tries nothing. */
  pinStanding(handle: number, person: string): Promise<PinStanding>;
  /** 4 to 128 bytes, for a person of 1 to 64. `invalid_input` where the person has a PIN. */
  addPin(handle: number, person: string, pin: Array<number>): Promise<void>;
  /** A wrong old PIN counts as at unlocking. */
  changePin(
    handle: number,
    person: string,
    oldPin: Array<number>,
    newPin: Array<number>
  ): Promise<void>;
  /** A new PIN without the old one: after a recovery, or where the person forgot it. */
  resetPin(handle: number, person: string, pin: Array<number>): Promise<void>;
  /** Deletes the person's slot and schedules a new root key. The last slot stays: `invalid_input`. */
  removePin(handle: number, person: string): Promise<void>;
  /** Adds a slot that asks for finger or face; shows the prompt. Resolves to the slot's id. */
  addPresence(handle: number, title: string, cancelText: string): Promise<string>;
  removeSlot(handle: number, slotId: string): Promise<void>;
  /** A new root key for the whole vault. Takes seconds for 100 MB; `storage_full` without room. */
  rotateRootKey(handle: number): Promise<void>;
  /** Destroys the vault, locked or not, for good; the handle is closed. Resumed after a kill. */
  wipe(handle: number): Promise<void>;

  /** What the last refused opening or PIN says beyond its code; null since one was not refused. */
  lastRefusal(handle: number): Promise<RefusalReport | null>;
  /**
   * Puts a vault that does not open aside, whole, so that a fresh one can be made in its place.
   * `acknowledgedUnsynced` is the number that the person was shown, null for unknown; another than
   * the vault's own: `invalid_input`.
   */
  quarantineVault(handle: number, acknowledgedUnsynced: number | null): Promise<QuarantinedVault>;
  /** The oldest first. */
  quarantinedVaults(handle: number): Promise<Array<QuarantinedVault>>;
  /**
   * For a locked vault that refuses to open with `database_damaged`: proves the key, with the PIN of
   * this person or (person null, an empty PIN) the device's, copies the database aside and puts what
   * can be read of it in its place. The vault stays locked. What peers have is pulled again.
   */
  salvage(handle: number, person: string | null, pin: Array<number>): Promise<SalvageReport>;
  /** The same, with the platform's prompt. */
  salvageWithPresence(handle: number, title: string, cancelText: string): Promise<SalvageReport>;
  /** The same, with the answer (base64) to the last request; it also unlocks afterwards. */
  salvageWithRecovery(handle: number, answer: string): Promise<SalvageReport>;
  /** A JSON report for support; of a locked vault too, then without what needs a key. */
  diagnose(handle: number): Promise<string>;
  /** What looking at every page has found so far; null before the first look. */
  integrity(handle: number): Promise<IntegrityReport | null>;
  /** Checks on this device what vaults rely on. `optionsJson`: `{"strict"?, "strongBox"?}`. */
  runKeyStoreSelfTest(optionsJson: string): Promise<KeyStoreReport>;

  // Key–value store

  /** Tagged text: `t…`, `b…`, `-` or `!…`. */
  kvGetSync(handle: number, space: string, key: string): string;
  kvGet(handle: number, space: string, key: string): Promise<string | null>;
  /** `j` and a JSON array in the order of the keys: tagged value or null. At most 10,000 keys. */
  kvMultiGetSync(handle: number, space: string, keys: Array<string>): string;
  kvMultiGet(handle: number, space: string, keys: Array<string>): Promise<Array<string | null>>;
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
  /**
   * A page: `{"columns":[…],"rows":[[…],…],"next_offset":N|null}` as JSON text; with
   * `"included":[{"table":"…","columns":[…],"rows":[[…],…]},…]` where the query includes relations.
   */
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
   * Pairs with a local hub from the text of its QR code. `invalid_input` for a code without id and key,
   * `peer_identity_mismatch` where somebody else answers. Once more only takes note of its address.
   */
  pairHub(handle: number, qrText: string, operation: number): Promise<PairedHub>;
  /** Signs in at a paired hub; works without the internet. `not_found` where it is not paired. */
  signInAtHub(
    handle: number,
    peer: string,
    email: string,
    password: Array<number>,
    operation: number
  ): Promise<SignedInPerson>;
  hubs(handle: number): Promise<Array<PairedHub>>;
  /** Takes note of a hub's new address; its key stays as it was pinned. */
  moveHub(handle: number, peer: string, url: string): Promise<void>;
  /** Forgets a peer. Records, and what no peer has taken yet, stay. Running syncs end first. */
  forgetPeer(handle: number, peer: string): Promise<void>;
  /**
   * Pulls, merges, pushes. `peer` null: the cloud. A second call for the same peer joins the first:
   * its own `operation` ends its own waiting, the first one's the sync. The first with `fullPull` that
   * meets a sync without gets one behind it.
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
  /**
   * Takes the other value of an entry, as an edit that is pushed like any other. Resolves to the id of
   * the record that has it: one that is gone comes back as a new one, or is `not_found` where the entry
   * holds single columns of it. `invalid_input` a second time.
   */
  undoConflict(handle: number, conflictId: number): Promise<string>;
  quarantinedRecords(handle: number): Promise<Array<QuarantinedRecord>>;
  /** The next sync tries the record again. */
  releaseRecord(handle: number, table: string, recordId: string): Promise<void>;
  /** The same for everything that was put aside; how much. */
  releaseAllRecords(handle: number): Promise<number>;
  /** Equal on two devices that hold the same. */
  digest(handle: number): Promise<Array<TableDigest>>;
  /** Cancels the call that was given this operation. No error where there is none, or it is done. */
  cancelOperation(operation: number): void;

  // Events of every open handle, from `attachVault` to `closeVault`. Each is sent once per cause, in the
  // order in which it happened, after the promise of the call that caused it may have been resolved. Where
  // events wait to be taken, several of one kind are sent as one.

  readonly onChange: CodegenTypes.EventEmitter<ChangeEvent>;
  readonly onKvChange: CodegenTypes.EventEmitter<KvChangeEvent>;
  readonly onSyncProgress: CodegenTypes.EventEmitter<SyncProgressEvent>;
  readonly onDamage: CodegenTypes.EventEmitter<DamageEvent>;
  readonly onVaultState: CodegenTypes.EventEmitter<VaultStateEvent>;
}

/** The module of the running app. Not loaded before the first call, so that importing costs nothing. */
export function loadNativeAmana(): Spec {
  return TurboModuleRegistry.getEnforcing<Spec>('Amana');
}
