/**
 * For each method of the contract: the call of the public API that reaches it, and the same call with
 * what no app should give. A method without cases does not compile.
 */
import type { TurboModule } from 'react-native';

import type { BatchMaker, HikmaSchema, Vault } from '../../src/index.ts';
import { attachVault, openVault, runKeyStoreSelfTest } from '../../src/index.ts';
import type { Spec } from '../../src/NativeAmana.ts';
import { freshName, NOWHERE } from './harness.ts';

/** A method of the contract. */
export type MethodName = Exclude<keyof Spec, keyof TurboModule | `on${string}`>;

export const LONE = 'half \ud83d of a character';
export const LARGE = 'x'.repeat(20_000_000);
const NO_TEXT = [null, NaN, 2 ** 53 + 1, 5, true, {}, [], Symbol('x'), () => 1];
const NO_OBJECT = [null, NaN, 5, 'text', true, [], Symbol('x'), () => 1, new Map()];
const NO_WHOLE = [NaN, -1, 1.5, 2 ** 53, Infinity, '1', true, {}, Symbol('x')];
const WIRES = [LONE, LARGE];

/** What is none of its kind; `maybe` where undefined says that nothing is meant. */
export const BAD = {
  text: [undefined, ...NO_TEXT, ...WIRES],
  maybeText: [...NO_TEXT, ...WIRES],
  // bytes are taken for a text
  secret: [undefined, ...NO_TEXT, ...WIRES, '', new Uint8Array(0), new Uint8Array(1025)],
  object: [undefined, ...NO_OBJECT],
  maybeObject: NO_OBJECT,
  whole: [null, ...NO_WHOLE],
  maybeWhole: NO_WHOLE,
  list: [undefined, null, 5, 'text', {}, Symbol('x')],
  maybeTruth: [null, 0, 'true', {}],
  callback: [undefined, null, 5, 'text', {}],
  maybeCallback: [null, 5, 'text', {}],
  maybeSignal: [5, 'text', true, {}, [], { aborted: false, addEventListener: 5 }],
} as const satisfies Record<string, readonly unknown[]>;
export type Kind = keyof typeof BAD;

export interface Cases {
  /** The call as it should be, whatever comes of it. */
  readonly reach: () => unknown;
  /** The same with one thing that is none: what it is, a colon, and which kind it is not. */
  readonly bad?: Readonly<Record<`${string}: ${Kind}`, (value: never) => unknown>>;
}

const PIN = '4711';
const WHO = { person: 'amal', pin: PIN };
const PROMPT = { title: 'Open', cancel: 'No' };
const CLOUD = { url: 'https://127.0.0.1:1', email: 'a@b.c', password: 'p' };
const HUB = { peer: 'hub:none', email: 'a@b.c', password: 'p' };
const ONCE = { expiresInMs: 60_000 };

/** The cases of one vault, by the method that they reach. */
export function casesOf(vault: Vault): Record<MethodName, Cases> {
  const { storage, keys, peers } = vault;
  const patients = vault.table('patients');
  const batch = (work: (batch: BatchMaker<HikmaSchema>) => unknown) =>
    vault.batch((b) => void work(b));
  return {
    attachVault: {
      reach: async () => (await attachVault({ name: freshName() })).close(),
      bad: {
        'config: maybeObject': (config) => attachVault(config),
        'name: maybeText': (name) => attachVault({ name }),
        'schema: maybeObject': (schema) => attachVault({ name: freshName(), schema }),
        'idleLockMs: maybeWhole': (idleLockMs) => attachVault({ name: freshName(), idleLockMs }),
        'keyStore: maybeObject': (keyStore) => attachVault({ name: freshName(), keyStore }),
        'dropPinAfter: maybeWhole': (n) => attachVault({ name: freshName(), dropPinAfter: n }),
        'policy: maybeText': (policy) => attachVault({ name: freshName(), policy }),
        'cloudSync: maybeText': (cloudSync) => attachVault({ name: freshName(), cloudSync }),
        'strict: maybeTruth': (strict) => attachVault({ name: freshName(), keyStore: { strict } }),
        'cloudPins: maybeObject': (cloudPins) => attachVault({ name: freshName(), cloudPins }),
        'sync: maybeObject': (sync) => attachVault({ name: freshName(), sync }),
      },
    },
    closeVault: { reach: () => vault.close() },
    vaultState: {
      reach: () => vault.state,
      bad: { 'listener: callback': (listener) => vault.onState(listener) },
    },
    vaultGlance: { reach: () => vault.glance() },
    openForDevice: {
      reach: () => vault.unlock(),
      bad: {
        'how: object': (how) => (how === undefined ? vault.unlock(null as never) : vault.unlock(how)),
        'recoveryKey: maybeText': (recoveryKey) => openVault({ name: freshName(), recoveryKey }),
      },
    },
    createForPerson: {
      reach: () => vault.create(WHO),
      bad: {
        'first: object': (first) => vault.create(first),
        'person: text': (person) => vault.create({ ...WHO, person }),
        'pin: secret': (pin) => vault.create({ ...WHO, pin }),
      },
    },
    lock: { reach: () => vault.lock() },
    unlockWithPin: {
      reach: () => vault.unlock(WHO),
      bad: {
        'person: text': (person) => vault.unlock({ ...WHO, person }),
        'pin: secret': (pin) => vault.unlock({ ...WHO, pin }),
      },
    },
    unlockWithPresence: {
      reach: () => vault.unlock({ presence: PROMPT }),
      bad: {
        'prompt: object': (presence) => vault.unlock({ presence }),
        'title: text': (title) => vault.unlock({ presence: { ...PROMPT, title } }),
        'cancel: text': (cancel) => vault.unlock({ presence: { ...PROMPT, cancel } }),
      },
    },
    makeRecoveryRequest: { reach: () => keys.recoveryRequest() },
    unlockWithRecovery: {
      reach: () => vault.unlock({ recoveryAnswer: 'AAAA' }),
      bad: { 'answer: text': (recoveryAnswer) => vault.unlock({ recoveryAnswer }) },
    },
    replaceDeviceSlot: { reach: () => keys.replaceDeviceSlot() },
    keySlots: { reach: () => keys.slots() },
    pinStanding: {
      reach: () => keys.pinStanding('amal'),
      bad: { 'person: text': (person) => keys.pinStanding(person) },
    },
    addPin: {
      reach: () => keys.addPin('amal', PIN),
      bad: {
        'person: text': (person) => keys.addPin(person, PIN),
        'pin: secret': (pin) => keys.addPin('amal', pin),
      },
    },
    changePin: {
      reach: () => keys.changePin('amal', PIN, PIN),
      bad: {
        'person: text': (person) => keys.changePin(person, PIN, PIN),
        'old: secret': (pin) => keys.changePin('amal', pin, PIN),
        'new: secret': (pin) => keys.changePin('amal', PIN, pin),
      },
    },
    resetPin: {
      reach: () => keys.resetPin('amal', PIN),
      bad: {
        'person: text': (person) => keys.resetPin(person, PIN),
        'pin: secret': (pin) => keys.resetPin('amal', pin),
      },
    },
    removePin: {
      reach: () => keys.removePin('amal'),
      bad: { 'person: text': (person) => keys.removePin(person) },
    },
    addPresence: {
      reach: () => keys.addPresence(PROMPT),
      bad: {
        'prompt: object': (prompt) => keys.addPresence(prompt),
        'title: text': (title) => keys.addPresence({ ...PROMPT, title }),
        'cancel: text': (cancel) => keys.addPresence({ ...PROMPT, cancel }),
      },
    },
    removeSlot: {
      reach: () => keys.removeSlot('0'.repeat(32)),
      bad: { 'slot: text': (slot) => keys.removeSlot(slot) },
    },
    rotateRootKey: { reach: () => keys.rotateRootKey() },
    wipe: { reach: () => vault.wipe() },
    lastRefusal: { reach: () => vault.refusal() },
    quarantineVault: {
      reach: () => vault.quarantine({ unsynced: 0 }),
      bad: {
        'acknowledged: object': (acknowledged) => vault.quarantine(acknowledged),
        'unsynced: maybeWhole': (unsynced) => vault.quarantine({ unsynced }),
      },
    },
    quarantinedVaults: { reach: () => vault.quarantined() },
    salvage: {
      reach: () => vault.salvage(),
      bad: {
        'how: maybeObject': (how) => vault.salvage(how),
        'person: text': (person) => vault.salvage({ ...WHO, person }),
        'pin: secret': (pin) => vault.salvage({ ...WHO, pin }),
      },
    },
    salvageWithPresence: {
      reach: () => vault.salvage({ presence: PROMPT }),
      bad: {
        'prompt: object': (presence) => vault.salvage({ presence }),
        'title: text': (title) => vault.salvage({ presence: { ...PROMPT, title } }),
        'cancel: text': (cancel) => vault.salvage({ presence: { ...PROMPT, cancel } }),
      },
    },
    salvageWithRecovery: {
      reach: () => vault.salvage({ recoveryAnswer: 'AAAA' }),
      bad: { 'answer: text': (recoveryAnswer) => vault.salvage({ recoveryAnswer }) },
    },
    diagnose: { reach: () => vault.diagnose() },
    integrity: {
      reach: () => vault.integrity(),
      bad: { 'listener: callback': (listener) => vault.onDamage(listener) },
    },
    runKeyStoreSelfTest: {
      reach: () => runKeyStoreSelfTest(),
      bad: {
        'options: maybeObject': (options) => runKeyStoreSelfTest(options),
        'strict: maybeTruth': (strict) => runKeyStoreSelfTest({ strict }),
      },
    },
    kvGetSync: {
      reach: () => storage.getItemSync('k'),
      bad: {
        'key: text': (key) => storage.getItemSync(key),
        'bytes: text': (key) => storage.getSync(key),
      },
    },
    kvGet: {
      reach: () => storage.getItem('k'),
      bad: {
        'key: text': (key) => storage.getItem(key),
        'bytes: text': (key) => storage.get(key),
        'namespace: text': (name) => storage.namespace(name).getItem('k'),
        'session: maybeText': (name) => storage.session(name).getItem('k'),
      },
    },
    kvMultiGetSync: {
      reach: () => storage.multiGetSync(['k']),
      bad: {
        'keys: list': (list) => storage.multiGetSync(list),
        'key: text': (key) => storage.multiGetSync([key]),
      },
    },
    kvMultiGet: {
      reach: () => storage.multiGet(['k']),
      bad: {
        'keys: list': (list) => storage.multiGet(list),
        'key: text': (key) => storage.multiGet([key]),
      },
    },
    kvKeysSync: {
      reach: () => storage.keysSync(),
      bad: {
        'prefix: maybeText': (prefix) => storage.keysSync(prefix),
        'limit: whole': (limit) => storage.keysSync('', limit),
      },
    },
    kvKeys: {
      reach: () => storage.keys(),
      bad: {
        'prefix: maybeText': (prefix) => storage.keys(prefix),
        'listener: callback': (listener) => storage.subscribe(listener),
      },
    },
    kvSet: {
      reach: () => storage.setItem('k', 'v', ONCE),
      bad: {
        'key: text': (key) => storage.setItem(key, 'v'),
        'value: text': (value) => storage.setItem('k', value),
        'text or bytes: text': (value) => storage.set('k', value),
        'options: maybeObject': (options) => storage.set('k', 'v', options),
        'expiry: maybeWhole': (expiresInMs) => storage.set('k', 'v', { expiresInMs }),
      },
    },
    kvMultiSet: {
      reach: () => storage.multiSet([['k', 'v']]),
      bad: {
        'pairs: list': (list) => storage.multiSet(list),
        'pair: list': (pair) => storage.multiSet([pair]),
        'key: text': (key) => storage.multiSet([[key, 'v']]),
        'value: text': (value) => storage.multiSet([['k', value]]),
      },
    },
    kvRemove: {
      reach: () => storage.remove('k'),
      bad: {
        'key: text': (key) => storage.remove(key),
        'item: text': (key) => storage.removeItem(key),
      },
    },
    kvMultiRemove: {
      reach: () => storage.multiRemove(['k']),
      bad: {
        'keys: list': (list) => storage.multiRemove(list),
        'key: text': (key) => storage.multiRemove([key]),
      },
    },
    kvClear: {
      reach: () => storage.clear(),
      bad: { 'namespace: text': (name) => storage.namespace(name).clear() },
    },
    kvCompareAndSet: {
      reach: () => storage.compareAndSet('k', null, 'v', ONCE),
      bad: {
        'key: text': (key) => storage.compareAndSet(key, null, 'v'),
        'options: maybeObject': (options) => storage.compareAndSet('k', null, 'v', options),
        'expiry: maybeWhole': (expiresInMs) =>
          storage.compareAndSet('k', null, 'v', { expiresInMs }),
        'merged key: text': (key) => storage.mergeItem(key, '{}'),
        'merged value: text': (value) => storage.mergeItem('k', value),
        'merged pairs: list': (list) => storage.multiMerge(list),
      },
    },
    createRecord: {
      reach: () => patients.create({}),
      bad: {
        'table: text': (name) => vault.table(name).create({} as never),
        'fields: object': (fields) => patients.create(fields),
      },
    },
    updateRecord: {
      reach: () => patients.update(NOWHERE, {}),
      bad: {
        'id: text': (id) => patients.update(id, {}),
        'fields: object': (fields) => patients.update(NOWHERE, fields),
      },
    },
    deleteRecord: {
      reach: () => patients.delete(NOWHERE),
      bad: { 'id: text': (id) => patients.delete(id) },
    },
    batchRecords: {
      reach: () => batch((b) => b.delete('patients', NOWHERE)),
      bad: {
        'make: callback': (make) => vault.batch(make),
        'created table: text': (table) => batch((b) => b.create(table, {} as never)),
        'created fields: object': (fields) => batch((b) => b.create('patients', fields)),
        'updated table: text': (table) => batch((b) => b.update(table, NOWHERE, {} as never)),
        'updated id: text': (id) => batch((b) => b.update('patients', id, {})),
        'updated fields: object': (fields) => batch((b) => b.update('patients', NOWHERE, fields)),
        'deleted table: text': (table) => batch((b) => b.delete(table, NOWHERE)),
        'deleted id: text': (id) => batch((b) => b.delete('patients', id)),
      },
    },
    findRecordSync: {
      reach: () => patients.findSync(NOWHERE),
      bad: { 'id: text': (id) => patients.findSync(id) },
    },
    findRecord: {
      reach: () => patients.find(NOWHERE),
      bad: {
        'id: text': (id) => patients.find(id),
        'observed id: text': (id) => patients.observe(id, () => undefined),
        'listener: callback': (listener) => patients.observe(NOWHERE, listener),
      },
    },
    queryRecords: {
      reach: () => patients.query().page(),
      bad: {
        'table: text': (name) => vault.table(name).query().page(),
        'query: maybeObject': (query) => patients.query(query).page(),
        'column: text': (column) => patients.query((q) => q.where(column, 'isNull', true)).page(),
        'operator: text': (op) => patients.query((q) => q.where('camp', op, 'x' as never)).page(),
        'value: text': (value) => patients.query((q) => q.where('camp', 'contains', value)).page(),
        'order: text': (column) => patients.query((q) => q.orderBy(column)).page(),
        'limit: whole': (rows) => patients.query((q) => q.limit(rows)).page(),
        'offset: whole': (rows) => patients.query((q) => q.offset(rows)).page(),
        'listener: callback': (listener) => patients.query().observe(listener),
      },
    },
    countRecords: {
      reach: () => patients.query().count(),
      bad: { 'value: text': (v) => patients.query((q) => q.where('camp', 'eq', v)).count() },
    },
    signIn: {
      reach: () => vault.signIn(CLOUD),
      bad: {
        'how: object': (how) => vault.signIn(how),
        'url: text': (url) => vault.signIn({ ...CLOUD, url }),
        'email: text': (email) => vault.signIn({ ...CLOUD, email }),
        'password: secret': (password) => vault.signIn({ ...CLOUD, password }),
        'ca: maybeText': (privateCaPem) => vault.signIn({ ...CLOUD, privateCaPem }),
        'signal: maybeSignal': (signal) => vault.signIn({ ...CLOUD, signal }),
      },
    },
    signOut: { reach: () => vault.signOut() },
    pairHub: {
      reach: () => peers.pairHub('no code'),
      bad: {
        'code: text': (code) => peers.pairHub(code),
        'signal: maybeSignal': (signal) => peers.pairHub('no code', signal),
      },
    },
    signInAtHub: {
      reach: () => peers.signInAtHub(HUB),
      bad: {
        'how: object': (how) => peers.signInAtHub(how),
        'peer: text': (peer) => peers.signInAtHub({ ...HUB, peer }),
        'email: text': (email) => peers.signInAtHub({ ...HUB, email }),
        'password: secret': (password) => peers.signInAtHub({ ...HUB, password }),
        'signal: maybeSignal': (signal) => peers.signInAtHub({ ...HUB, signal }),
      },
    },
    hubs: { reach: () => peers.hubs() },
    moveHub: {
      reach: () => peers.moveHub('hub:none', 'http://10.0.0.1:4001'),
      bad: {
        'peer: text': (peer) => peers.moveHub(peer, 'http://10.0.0.1:4001'),
        'url: text': (url) => peers.moveHub('hub:none', url),
      },
    },
    forgetPeer: {
      reach: () => peers.forget('hub:none'),
      bad: { 'peer: text': (peer) => peers.forget(peer) },
    },
    sync: {
      reach: () => vault.sync({ peer: 'cloud' }),
      bad: {
        'options: maybeObject': (options) => vault.sync(options),
        'peer: maybeText': (peer) => vault.sync({ peer }),
        'fullPull: maybeTruth': (fullPull) => vault.sync({ fullPull }),
        'signal: maybeSignal': (signal) => vault.sync({ signal }),
        'onProgress: maybeCallback': (onProgress) => vault.sync({ onProgress }),
      },
    },
    syncStatus: { reach: () => vault.status() },
    recordStanding: {
      reach: () => peers.standing('patients', NOWHERE),
      bad: {
        'table: text': (table) => peers.standing(table, NOWHERE),
        'id: text': (id) => peers.standing('patients', id),
      },
    },
    conflicts: {
      reach: () => peers.conflicts(),
      bad: { 'after: whole': (after) => peers.conflicts(after) },
    },
    undoConflict: {
      reach: () => peers.undoConflict(1),
      bad: { 'id: whole': (id) => peers.undoConflict(id) },
    },
    quarantinedRecords: { reach: () => peers.quarantined() },
    releaseRecord: {
      reach: () => peers.release('patients', NOWHERE),
      bad: {
        'table: text': (table) => peers.release(table, NOWHERE),
        'id: text': (id) => peers.release('patients', id),
      },
    },
    releaseAllRecords: { reach: () => peers.releaseAll() },
    digest: { reach: () => peers.digest() },
    cancelOperation: {
      reach: async () => {
        const controller = new AbortController();
        const call = vault.signIn({ ...CLOUD, signal: controller.signal });
        controller.abort();
        await call;
      },
    },
  };
}
