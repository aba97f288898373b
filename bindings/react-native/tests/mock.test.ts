/**
 * What a test of an app does to the mock, and what takes a clock that can be moved; what the mock itself
 * does is in the contract.
 */
import type { Vault } from 'react-native-amana';
import { openVault } from 'react-native-amana';
import type { MemoryHub } from 'react-native-amana/jest';
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

test('a cloud that cannot be reached is waited for longer and longer, and as long as it says', async () => {
  const cloud = async () => (await vault.status()).peers[0];
  const wait = async () => {
    const { nextTryMs, lastAttemptMs } = (await cloud()) ?? {};
    return Number(nextTryMs) - Number(lastAttemptMs);
  };
  amanaMock.cloud.isReachable = false;
  for (const seconds of [30, 60, 120]) {
    expect(await codeOf(vault.sync())).toBe('network');
    expect(await wait()).toBe(seconds * 1000);
  }
  for (let more = 0; more < 8; more++) await codeOf(vault.sync());
  expect(await wait()).toBe(60 * 60 * 1000);
  amanaMock.cloud.isReachable = true;
  await vault.sync();
  expect(await cloud()).toMatchObject({ failures: 0, nextTryMs: null });
  amanaMock.failNext('sync', 'rate_limited', { retryAfterMs: 90_000 });
  expect(await codeOf(vault.sync())).toBe('rate_limited');
  expect(await wait()).toBe(90_000);
  // waiting helps against nothing but what goes by
  amanaMock.failNext('sync', 'tls');
  expect(await codeOf(vault.sync())).toBe('tls');
  expect(await cloud()).toMatchObject({ failures: 2, nextTryMs: null });
});

describe('a hub', () => {
  const DAY_MS = 24 * 60 * 60 * 1000;
  let hub: MemoryHub;
  let peer: string;
  beforeEach(async () => {
    hub = amanaMock.hub();
    ({ peer } = await vault.peers.pairHub(hub.qr));
  });
  const ofHub = async () => (await vault.status()).peers.find((one) => one.peer === peer);

  test('what it refuses nobody has signed: it is tried again soon, and goes to the cloud', async () => {
    const id = await patients().create(PATIENT);
    await patients().create(PATIENT);
    const takeAgain = hub.refuse('patients', id, 'a reason that nobody hears');
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 1, quarantined: 1 });
    const [aside] = await vault.peers.quarantined();
    expect(aside).toMatchObject({ peer, recordId: id });
    expect(aside?.reason).toContain('nobody has signed');
    expect(Number(aside?.retryAtMs) - Date.now()).toBeLessThanOrEqual(10 * 60 * 1000);
    expect(await vault.peers.standing('patients', id)).toMatchObject({
      standing: 'here_only',
      refusedBy: [{ peer, reason: aside?.reason }],
    });
    takeAgain();
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 0 });
    amanaMock.advance(10 * 60 * 1000);
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 1 });
    expect(await vault.sync()).toMatchObject({ pushed: 2 });
    expect(await vault.peers.quarantined()).toEqual([]);
  });

  test('everything is asked for once a day, at the cloud once a week, and for each person', async () => {
    const fullAt = async () => (await ofHub())?.lastFullMs;
    await vault.sync({ peer });
    const first = Number(await fullAt());
    amanaMock.advance(DAY_MS - 60_000);
    await vault.sync({ peer });
    expect(await fullAt()).toBe(first);
    amanaMock.advance(60_000);
    await vault.sync({ peer });
    const second = Number(await fullAt());
    expect(second).toBeGreaterThanOrEqual(first + DAY_MS);
    await vault.peers.signInAtHub({ peer, email: 'c@d.e', password: 'other' });
    amanaMock.advance(1);
    await vault.sync({ peer });
    expect(await fullAt()).toBeGreaterThan(second);
  });

  test('a record that the cloud lost is absent from the first pull of everything on', async () => {
    const id = await patients().create(PATIENT);
    await vault.sync();
    await vault.sync();
    amanaMock.cloud.lose('patients', id);
    expect(await vault.sync()).toMatchObject({ absent: 0 });
    expect(await vault.sync({ fullPull: true })).toMatchObject({ absent: 1, gone: 0 });
    const { absentSinceMs } = await vault.peers.standing('patients', id);
    expect(absentSinceMs).not.toBeNull();
    amanaMock.advance(7 * DAY_MS);
    expect(await vault.sync()).toMatchObject({ absent: 0 });
    expect((await vault.peers.standing('patients', id)).absentSinceMs).toBe(absentSinceMs);
  });

  test('who it does not know does not sign in, and another of its id is an impostor', async () => {
    hub.addPerson('amal', 'secret', { role: 'admin' });
    const amal = { peer, email: 'amal', password: 'secret' };
    expect(await codeOf(vault.peers.signInAtHub({ ...amal, email: 'basma' }))).toBe('unauthorized');
    expect(await vault.peers.signInAtHub(amal)).toMatchObject({
      role: 'admin',
      clinicId: hub.clinicId,
    });
    const impostor = amanaMock.hub({ id: hub.id });
    await vault.peers.moveHub(peer, impostor.url);
    expect(await codeOf(vault.sync({ peer }))).toBe('peer_identity_mismatch');
    await vault.peers.moveHub(peer, hub.url);
    hub.isReachable = false;
    expect(await codeOf(vault.sync({ peer }))).toBe('network');
    expect(await ofHub()).toMatchObject({ failures: 2, lastError: 'network' });
  });
});
