/** What a test of an app does to the mock; what the mock itself does is in the contract. */
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { codeOf, PATIENT } from './contract/harness.ts';

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
  await vault.signIn({ url: 'https://clinic.example', email: 'a@b.c', password: 'secret' });
});
const patients = () => vault.table('patients');

test('one record is refused with a reason, until it is not', async () => {
  const id = await patients().create(PATIENT);
  await patients().create(PATIENT);
  const takeAgain = amanaMock.cloud.refuse('patients', id, 'too young');
  expect(await vault.sync()).toMatchObject({ pushed: 1, quarantined: 1 });
  expect(await vault.peers.quarantined()).toMatchObject([{ recordId: id, reason: 'too young' }]);
  takeAgain();
  await vault.peers.release('patients', id);
  expect(await vault.sync()).toMatchObject({ pushed: 1, quarantined: 0 });
  expect(amanaMock.cloud.rows('patients')).toHaveLength(2);
});

test('a deletion that the cloud refused is taken back with what somebody changed meanwhile', async () => {
  const id = await patients().create(PATIENT);
  await vault.sync();
  amanaMock.cloud.refuse('patients', id);
  await patients().delete(id);
  const later = Date.now() + 60_000;
  amanaMock.cloud.put('patients', { ...PATIENT, id, camp: 'North', updated_at: later });
  expect(await codeOf(vault.sync())).toBe('server');
  const [entry] = await vault.peers.conflicts();
  expect(await vault.peers.undoConflict(entry?.id ?? 0)).toBe(id);
  expect(await patients().find(id)).toMatchObject({ ...PATIENT, camp: 'North' });
  expect((await vault.status()).pending).toBe(1);
  amanaMock.cloud.clear();
  expect((await vault.sync()).pushed).toBe(1);
  expect(amanaMock.cloud.rows('patients')).toMatchObject([{ id, camp: 'North' }]);
});

test('what is deleted in the cloud goes with its children, and comes back as another tablet puts it', async () => {
  const id = await patients().create(PATIENT);
  const visit = await vault.table('visits').create({ patient_id: id });
  await vault.sync();
  await vault.sync();
  amanaMock.cloud.delete('patients', id);
  expect(await vault.sync()).toMatchObject({ deleted: 1, lostEdits: 0 });
  expect(await vault.table('visits').find(visit)).toBeNull();
  expect(amanaMock.cloud.rows('visits')).toEqual([]);
  amanaMock.cloud.put('patients', { id, given_name: 'Amal' });
  expect(await vault.sync()).toMatchObject({ inserted: 1 });
  expect(await patients().find(id)).toMatchObject({ given_name: 'Amal', surname: null });
});

test('a row of some columns changes no others', async () => {
  const id = await patients().create(PATIENT);
  await vault.sync();
  amanaMock.cloud.put('patients', { id, camp: 'North' });
  await vault.sync();
  expect(await patients().find(id)).toMatchObject({ ...PATIENT, camp: 'North' });
});

test('a sync that fails is told of in the status, and one that is stopped is not', async () => {
  const lastError = async () => (await vault.status()).peers[0]?.lastError;
  amanaMock.failNext('sync', 'cancelled');
  expect(await codeOf(vault.sync())).toBe('cancelled');
  expect(await lastError()).toBeNull();
  amanaMock.failNext('sync', 'network');
  expect(await codeOf(vault.sync())).toBe('network');
  expect(await lastError()).toBe('network');
  await vault.sync();
  expect(await lastError()).toBeNull();
});
