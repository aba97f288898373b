/**
 * What helps where something is wrong: damage, lost secrets, ways in that are taken away. As far as the
 * mock knows of it, it is in the contract: it has no prompt that is refused, no key store that does not
 * answer, and nothing that is damaged in part.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { SalvageReport, Vault, VaultConfig } from '../src/index.ts';
import { openVault } from '../src/index.ts';
import { codeOf, PATIENT } from '../tests/contract/harness.ts';
import { aName, theModule } from './app.ts';
import { Organisation, Phone } from './phone.ts';

const app = theModule();
const phone = new Phone(app.home);
const AMAL = { person: 'amal', pin: '4711' };
const FINGER = { presence: { title: 'Open', cancel: 'No' } };

const directory = mkdtempSync(path.join(tmpdir(), 'amana-organisation-'));
const organisation = new Organisation(directory);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  phone.person = null;
});

const count = (vault: Vault) => vault.table('patients').query().count();
const kinds = async (vault: Vault) => (await vault.keys.slots()).slots.map(({ kind }) => kind).sort();

/** Makes a vault for its first person, with one patient in it. */
async function forPersons(more: VaultConfig = {}): Promise<Vault> {
  const vault = await openVault({ name: aName(), policy: 'person', ...more });
  await vault.create(AMAL);
  await vault.table('patients').create(PATIENT);
  return vault;
}

/** Enough patients for a page of them alone, in a vault of policy `device`. */
async function manyPatients(): Promise<Vault> {
  const vault = await openVault({ name: aName() });
  await vault.batch((batch) => {
    for (let n = 0; n < 200; n++) batch.create('patients', { ...PATIENT, metadata: { note: 'x'.repeat(200 + n) } });
  });
  return vault;
}

/** Damages a page that does not keep the vault from opening, but its patients from being read. */
async function damageRecords(vault: Vault): Promise<void> {
  await vault.lock();
  for (let page = phone.pages(vault.name); page > 1; page--) {
    const mend = phone.damage(vault.name, page);
    try {
      await vault.unlock();
      const reading = vault.table('patients').query((q) => q.limit(1000)).page();
      if ((await reading.then(() => null, (error: { code: string }) => error.code)) === 'database_damaged') return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'database_damaged' });
    }
    await vault.lock();
    mend();
  }
  throw new Error('no page holds the records alone');
}

const ofPatients = ({ tables }: SalvageReport) =>
  tables.find(({ table, kind }) => table === 'patients' && kind === 'records');

// An open vault that nobody uses is looked at after half a minute: that passes during the other tests.
let damaged: Vault;
let heard: Promise<void>;
beforeAll(async () => {
  damaged = await manyPatients();
  await damageRecords(damaged);
  heard = new Promise((resolve) => damaged.onDamage(resolve));
});

test('a vault is saved by presence, and a slot that was taken away opens no more', async () => {
  const vault = await forPersons();
  expect(await codeOf(vault.keys.addPresence(FINGER.presence))).toBe('unsupported');
  phone.person = false;
  expect(await codeOf(vault.keys.addPresence(FINGER.presence))).toBe('presence_required');
  phone.person = true;
  const slot = await vault.keys.addPresence(FINGER.presence);
  expect(await kinds(vault)).toEqual(['pin', 'presence']);
  await vault.lock();
  phone.person = false;
  expect(await codeOf(vault.unlock(FINGER))).toBe('presence_required');
  expect(await codeOf(vault.salvage(FINGER))).toBe('presence_required');
  phone.person = true;
  expect(ofPatients(await vault.salvage(FINGER))).toMatchObject({ saved: 1, lost: 0 });
  await vault.unlock(FINGER);
  expect(await count(vault)).toBe(1);

  expect(await codeOf(vault.keys.removeSlot('0'.repeat(32)))).toBe('not_found');
  expect(await codeOf(vault.keys.removeSlot('no slot'))).toBe('invalid_input');
  await vault.keys.removeSlot(slot);
  const { slots, rotationDue } = await vault.keys.slots();
  expect(slots.map(({ kind }) => kind)).toEqual(['pin']);
  expect(rotationDue).toBe(true);
  expect(await codeOf(vault.keys.removeSlot(slots[0]?.id ?? ''))).toBe('invalid_input');
  await vault.lock();
  expect(await codeOf(vault.unlock(FINGER))).toBe('not_found');
  expect(await codeOf(vault.salvage(FINGER))).toBe('not_found');
  await vault.unlock(AMAL);
  expect((await vault.keys.slots()).rotationDue).toBe(false);
  expect(await count(vault)).toBe(1);
  await vault.close();
});

test('the organisation opens a vault whose secrets are gone, and it gets new ones', async () => {
  const before = phone.secrets();
  const vault = await openVault({ name: aName(), recoveryKey: organisation.publicKey });
  expect(await kinds(vault)).toEqual(['device', 'recovery']);
  await vault.table('patients').create(PATIENT);
  await vault.lock();
  expect(await codeOf(vault.unlock({ recoveryAnswer: 'AAAA' }))).toBe('not_found');
  phone.lose(phone.secrets().filter((name) => !before.includes(name)));
  expect(await codeOf(vault.unlock())).toBe('key_lost');
  expect(await vault.refusal()).toMatchObject({ keyLost: 'absent', unsynced: 1 });
  expect((await vault.refusal())?.remedies).toContain('recovery');

  const older = await vault.keys.recoveryRequest();
  const request = await vault.keys.recoveryRequest();
  expect(request.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  expect(() => organisation.answer(request, older.fingerprint)).toThrow(/fingerprints differ/);
  const recoveryAnswer = organisation.answer(request, request.fingerprint);
  const toTheOlder = organisation.answer(older, older.fingerprint);
  expect(await codeOf(vault.unlock({ recoveryAnswer: toTheOlder }))).toBe('key_mismatch');
  expect(await codeOf(vault.unlock({ recoveryAnswer: 'AAAA' }))).toBe('invalid_input');

  // the key store does not answer now: the opening cannot make a new secret
  phone.keyStoreAnswers = false;
  try {
    await vault.unlock({ recoveryAnswer });
    expect(await count(vault)).toBe(1);
    expect(await codeOf(vault.keys.replaceDeviceSlot())).toBe('key_temporarily_unavailable');
  } finally {
    phone.keyStoreAnswers = true;
  }
  await vault.keys.replaceDeviceSlot();
  expect(await kinds(vault)).toEqual(['device', 'recovery']);
  await vault.lock();
  expect(await codeOf(vault.unlock({ recoveryAnswer }))).toBe('not_found');
  await vault.unlock();
  expect(await count(vault)).toBe(1);
  await vault.close();
});

test('damage in the database of an open vault is heard, and what is whole is saved', async () => {
  await heard;
  expect(damaged.state).toBe('unlocked');
  expect((await damaged.integrity())?.damagedTrees).toBeGreaterThan(0);
  const pages = damaged.table('patients').query((q) => q.limit(1000)).page();
  expect(await codeOf(pages)).toBe('database_damaged');
  await damaged.lock();
  const report = await damaged.salvage();
  const { saved, lost, lostAtMost } = ofPatients(report) ?? {};
  expect(report.descriptionReadable).toBe(true);
  expect(saved).toBeGreaterThan(100);
  expect(saved).toBeLessThan(200);
  expect([lost === null || Number(lost) > 0, typeof lostAtMost]).toEqual([true, 'boolean']);
  await damaged.unlock();
  expect(await count(damaged)).toBe(saved);
  await damaged.close();
});
