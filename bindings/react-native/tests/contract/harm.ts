/** What helps where a vault does not open: damage, lost secrets. */
import type { Vault, VaultConfig } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness, PhoneSide } from './harness.ts';
import { codeOf, freshName, PATIENT } from './harness.ts';

const AMAL = { person: 'amal', pin: '4711' };
const WRONG = { person: 'amal', pin: '0000' };
const FINGER = { presence: { title: 'Open', cancel: 'No' } };

export function harmContract(harness: Harness): void {
  if (harness.phone === undefined) return;

  let phone: PhoneSide;
  let vault: Vault;
  beforeEach(() => {
    if (harness.phone === undefined) throw new Error('there is no phone');
    phone = harness.phone();
  });
  afterEach(() => vault.close());

  /** A vault for its first person, with one patient in it. */
  async function forPersons(more: VaultConfig = {}): Promise<void> {
    vault = await openVault({ name: freshName(), policy: 'person', ...more });
    await vault.create(AMAL);
    await vault.table('patients').create(PATIENT);
  }
  const count = () => vault.table('patients').query().count();
  const kinds = async () => (await vault.keys.slots()).slots.map(({ kind }) => kind).sort();

  test('a damaged vault says what can be done, and what cannot be saved comes back from the cloud', async () => {
    await forPersons();
    let synced: string | null = null;
    const { cloud } = harness;
    async function signIn(): Promise<void> {
      if (cloud === undefined) return;
      const { url, ca, email, password } = cloud;
      await vault.signIn({ url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) });
      await vault.sync();
    }
    await signIn();
    if (cloud !== undefined) synced = await vault.table('patients').create(PATIENT);
    if (cloud !== undefined) await vault.sync();
    const unsynced = await vault.table('patients').create(PATIENT);
    expect(await codeOf(vault.salvage(AMAL))).toBe('invalid_input');
    await vault.lock();
    phone.damage(vault.name);
    expect(await codeOf(vault.unlock(AMAL))).toBe('database_damaged');
    expect(await vault.refusal()).toMatchObject({
      code: 'database_damaged',
      keyLost: null,
      remedies: ['salvage', 'quarantine'],
    });
    expect(await codeOf(vault.salvage(WRONG))).toBe('wrong_pin');
    expect(await codeOf(vault.salvage(FINGER))).toBe('not_found');
    const report = await vault.salvage(AMAL);
    expect(report).toMatchObject({ descriptionReadable: false, fullPullDue: true });
    expect(vault.state).toBe('locked');
    await vault.unlock(AMAL);
    expect(await vault.refusal()).toBeNull();
    expect(await count()).toBe(0);
    expect(await vault.status()).toMatchObject({ person: null, pending: 0 });
    await signIn();
    if (synced !== null) {
      expect(await vault.table('patients').find(synced)).toMatchObject(PATIENT);
    }
    expect(await vault.table('patients').find(unsynced)).toBeNull();
  });

  test('a salvage of what is whole saves all of it, by presence too', async () => {
    await forPersons();
    phone.confirms();
    await vault.storage.setItem('language', 'ar');
    await vault.keys.addPresence(FINGER.presence);
    expect(await kinds()).toEqual(['pin', 'presence']);
    await vault.lock();
    const { descriptionReadable, tables, fullPullDue } = await vault.salvage(FINGER);
    expect({ descriptionReadable, fullPullDue }).toEqual({
      descriptionReadable: true,
      fullPullDue: false,
    });
    expect(tables.find(({ table }) => table === 'patients')).toEqual({
      table: 'patients',
      kind: 'records',
      saved: 1,
      lost: 0,
      lostAtMost: false,
    });
    expect(tables.find(({ kind }) => kind === 'outbox')).toMatchObject({ saved: 1, lost: 0 });
    await vault.unlock(FINGER);
    expect(await count()).toBe(1);
    expect(await vault.storage.getItem('language')).toBe('ar');
    expect((await vault.status()).pending).toBe(1);
  });

  test('the organisation opens a device whose secret is gone, and it gets a new one', async () => {
    const lose = phone.watchSecrets();
    vault = await openVault({ name: freshName(), recoveryKey: phone.recoveryKey });
    expect(await kinds()).toEqual(['device', 'recovery']);
    await vault.table('patients').create(PATIENT);
    await vault.lock();
    const malformed = { recoveryAnswer: 'AAAA' };
    expect(await codeOf(vault.unlock(malformed))).toBe('not_found');
    lose(vault.name);
    expect(await codeOf(vault.unlock())).toBe('key_lost');
    expect(await codeOf(vault.salvage())).toBe('key_lost');
    expect(await vault.refusal()).toMatchObject({
      code: 'key_lost',
      keyLost: 'absent',
      unsynced: 1,
      remedies: ['try_later', 'recovery', 'quarantine'],
    });
    const older = await vault.keys.recoveryRequest();
    const request = await vault.keys.recoveryRequest();
    expect(request.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(request).not.toEqual(older);
    const answer = { recoveryAnswer: phone.answer(request) };
    expect(await codeOf(vault.unlock({ recoveryAnswer: phone.answer(older) }))).toBe('key_mismatch');
    expect(await codeOf(vault.unlock(malformed))).toBe('invalid_input');
    await vault.unlock(answer);
    expect(await count()).toBe(1);
    expect(await kinds()).toEqual(['device', 'recovery']);
    await vault.lock();
    // an answer opens once
    expect(await codeOf(vault.unlock(answer))).toBe('not_found');
    await vault.unlock();
    expect(await count()).toBe(1);
  });

  test('without a recovery key a lost secret leaves little to do', async () => {
    const lose = phone.watchSecrets();
    await forPersons();
    await vault.lock();
    lose(vault.name);
    expect(await codeOf(vault.unlock(AMAL))).toBe('key_lost');
    expect((await vault.refusal())?.remedies).toEqual(['try_later', 'quarantine']);
    expect(await codeOf(vault.keys.recoveryRequest())).toBe('not_found');
    const aside = await vault.quarantine({ unsynced: 1 });
    expect(aside).toMatchObject({ unsynced: 1 });
    expect(vault.state).toBe('closed');
    expect(await codeOf(vault.glance())).toBe('closed');
    expect(await vault.quarantined()).toEqual([aside]);
    const fresh = await openVault({ name: vault.name, policy: 'person' });
    expect(fresh).not.toBe(vault);
    vault = fresh;
    expect(await vault.glance()).toMatchObject({ presence: 'nothing' });
    expect(await vault.quarantined()).toEqual([aside]);
    await vault.create(AMAL);
    expect(await codeOf(vault.quarantine({ unsynced: 0 }))).toBe('invalid_input');
    expect(await count()).toBe(0);
  });

  test('one answer saves what can be read, and opens; then a person gets a new PIN', async () => {
    const lose = phone.watchSecrets();
    await forPersons({ recoveryKey: phone.recoveryKey });
    await vault.lock();
    lose(vault.name);
    phone.damage(vault.name);
    expect(await codeOf(vault.unlock(AMAL))).toBe('key_lost');
    expect(await codeOf(vault.salvage(AMAL))).toBe('key_lost');
    expect(await codeOf(vault.salvage({ recoveryAnswer: 'AAAA' }))).toBe('not_found');
    const request = await vault.keys.recoveryRequest();
    const answer = { recoveryAnswer: phone.answer(request) };
    expect(await codeOf(vault.unlock(answer))).toBe('database_damaged');
    expect(await vault.salvage(answer)).toMatchObject({ descriptionReadable: false });
    await vault.unlock(answer);
    expect(await count()).toBe(0);
    await vault.keys.resetPin('amal', '314159');
    await vault.lock();
    await vault.unlock({ person: 'amal', pin: '314159' });
  });
}
