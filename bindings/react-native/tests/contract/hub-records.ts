/**
 * A clinic in small: two tablets and its hub, then the cloud. Not here, since the reference hub refuses no
 * single record for long and its clock is not to be moved: what a hub's refusals become, and when everything
 * is asked for (the mock's own tests, and the core's in `test_support/world`). Nor rights that a hub gives
 * and the cloud takes back, which the mock does not know.
 */
import type { SyncProgress, Vault } from '../../src/index.ts';
import { aClinic, patients, peerOf, standing } from './clinic.ts';
import type { Harness, HubSide } from './harness.ts';
import { codeOf, passed, PATIENT, until } from './harness.ts';

const A_NUMBER: unknown = expect.any(Number);

export function hubRecordsContract(harness: Harness): void {
  const clinic = aClinic(harness);
  if (clinic === null) return;
  const { cloud, tablet, join, atCloud } = clinic;
  let hub: HubSide;
  let peer: string;
  beforeEach(() => {
    ({ hub, peer } = clinic);
  });

  test('a record goes from tablet to tablet by the hub, and then to the cloud', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    const patient = await patients(noors).create({ ...PATIENT, given_name: 'سلمى 👶' });
    await noors.table('visits').create({ patient_id: patient, clinic_id: hub.clinic });
    expect(await standing(noors, patient)).toMatchObject({ standing: 'here_only', takenBy: [] });
    const waiting = [
      { table: 'patients', pending: 1, quarantined: 0 },
      { table: 'visits', pending: 1, quarantined: 0 },
    ];
    expect((await peerOf(noors, peer))?.pending).toEqual(waiting);

    const heard: SyncProgress[] = [];
    const report = await noors.sync({ peer, onProgress: (progress) => heard.push(progress) });
    expect(report).toMatchObject({ peer, pushed: 2 });
    await until(() => heard.at(-1)?.phase === 'finished');
    expect(heard[0]?.phase).toBe('pulling');
    expect(heard.map(({ phase }) => phase)).toContain('pushing');
    expect(new Set(heard.map((progress) => progress.peer))).toEqual(new Set([peer]));
    expect(await standing(noors, patient)).toMatchObject({
      standing: 'on_hub',
      takenBy: [peer],
      deleted: false,
      confirmed: false,
      absentSinceMs: null,
    });
    // the hub's word does not take it from the cloud
    expect((await noors.status()).peers.map((one) => one.peer)).toEqual(['cloud', peer]);
    expect(await peerOf(noors, 'cloud')).toMatchObject({ lastSuccessMs: null, pending: waiting });
    expect(await peerOf(noors, peer)).toMatchObject({
      lastSuccessMs: A_NUMBER,
      lastFullMs: A_NUMBER,
      pending: [],
    });
    expect((await peerOf(noors, peer))?.cursor).toBeGreaterThan(0);
    expect((await noors.status()).pending).toBe(2);
    expect(await noors.sync({ peer })).toMatchObject({ pushed: 0, conflicts: 0 });

    const seen: string[] = [];
    const stop = samis
      .table('visits')
      .query((q) => q.include('patient_id'))
      .observe((rows) => seen.push(...rows.map((row) => String(row.$related.patient_id?.given_name))));
    expect((await samis.sync({ peer })).inserted).toBeGreaterThanOrEqual(2);
    await until(() => seen.includes('سلمى 👶'));
    stop();
    expect((await samis.status()).pending).toBe(0);

    await atCloud(noors);
    expect((await noors.sync()).pushed).toBe(2);
    expect(await standing(noors, patient)).toMatchObject({ standing: 'in_cloud', takenBy: [] });
    expect(await noors.status()).toMatchObject({ pending: 0, quarantined: 0, url: cloud.url });
    expect(await peerOf(noors, peer)).toMatchObject({ pending: [], failures: 0, lastError: null });
  });

  test('an edit of what the hub has waits for the hub anew, and for the cloud still', async () => {
    const vault = await join(await tablet());
    const id = await patients(vault).create(PATIENT);
    await vault.sync({ peer });
    await patients(vault).update(id, { phone: '111' });
    expect(await standing(vault, id)).toMatchObject({ standing: 'here_only', takenBy: [] });
    const waits = [{ table: 'patients', pending: 1, quarantined: 0 }];
    expect((await peerOf(vault, peer))?.pending).toEqual(waits);
    expect((await peerOf(vault, 'cloud'))?.pending).toEqual(waits);
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 1, conflicts: 0 });
    expect(await standing(vault, id)).toMatchObject({ standing: 'on_hub', takenBy: [peer] });
  });

  test('a conflict at a hub keeps both values, and is undone', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    const patient = await patients(noors).create(PATIENT);
    await noors.sync({ peer });
    await samis.sync({ peer });
    await patients(noors).update(patient, { phone: '111' });
    await patients(samis).update(patient, { phone: '222' });
    await noors.sync({ peer });
    expect((await samis.sync({ peer })).conflicts).toBe(1);
    const [conflict, ...others] = await samis.peers.conflicts();
    expect(others).toEqual([]);
    expect(conflict).toMatchObject({
      kind: 'both_changed',
      peer,
      recordId: patient,
      column: 'phone',
      local: '"222"',
      remote: '"111"',
      kept: 'local',
    });
    expect(await patients(samis).find(patient)).toMatchObject({ phone: '222' });
    expect(await samis.peers.undoConflict(conflict?.id ?? 0)).toBe(patient);
    expect((await samis.status()).conflicts).toBe(0);
    await samis.sync({ peer });
    await noors.sync({ peer });
    for (const vault of [noors, samis]) {
      expect(await patients(vault).find(patient)).toMatchObject({ phone: '111' });
    }
  });

  test('what somebody writes over a value that the hub had from us is taken, and ours is in the ledger', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    const patient = await patients(noors).create(PATIENT);
    await noors.sync({ peer });
    await patients(noors).update(patient, { phone: '111' });
    await noors.sync({ peer });
    await samis.sync({ peer });
    await patients(samis).update(patient, { phone: '222' });
    await samis.sync({ peer });
    // it has theirs: there is nothing to send to it
    expect(await noors.sync({ peer })).toMatchObject({ conflicts: 1, pushed: 0 });
    expect(await patients(noors).find(patient)).toMatchObject({ phone: '222' });
    expect(await noors.peers.conflicts()).toMatchObject([
      { kind: 'both_changed', peer, column: 'phone', local: '"111"', remote: '"222"', kept: 'remote' },
    ]);
    // it is still a record that the cloud does not have
    expect(await noors.status()).toMatchObject({ pending: 1 });
    expect(await standing(noors, patient)).toMatchObject({ standing: 'on_hub' });
  });

  test('a value of before our edit that comes back is sent over with ours once, and then taken', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    await atCloud(noors);
    const patient = await patients(noors).create({ ...PATIENT, phone: '000' });
    await noors.sync({ peer });
    await noors.sync();
    await patients(noors).update(patient, { phone: '111' });
    await noors.sync({ peer });
    await samis.sync({ peer });
    await passed(harness, 2);
    await patients(samis).update(patient, { phone: '000' });
    await samis.sync({ peer });
    expect(await noors.sync({ peer })).toMatchObject({ conflicts: 1, pushed: 1 });
    expect(await patients(noors).find(patient)).toMatchObject({ phone: '111' });
    expect(await noors.peers.conflicts()).toMatchObject([
      { kind: 'both_changed', column: 'phone', local: '"111"', remote: '"000"', kept: 'local' },
    ]);
    // whoever sets it back once more has seen ours
    expect(await samis.sync({ peer })).toMatchObject({ conflicts: 1, pushed: 1 });
    expect(await noors.sync({ peer })).toMatchObject({ conflicts: 1, pushed: 0 });
    for (const vault of [noors, samis, noors]) {
      expect(await vault.sync({ peer })).toMatchObject({ conflicts: 0, pushed: 0 });
      expect(await patients(vault).find(patient)).toMatchObject({ phone: '000' });
    }
  });

  test('what belongs to a record that was deleted here is not brought back by who did not know', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    await atCloud(noors);
    const patient = await patients(noors).create(PATIENT);
    await noors.sync({ peer });
    await noors.sync();
    await samis.sync({ peer });
    const visits = (vault: Vault) => vault.table('visits');
    const one = await visits(samis).create({ patient_id: patient, clinic_id: hub.clinic });
    await samis.sync({ peer });
    await patients(noors).delete(patient);
    // the deletion waits
    const release = await hub.holdPull();
    const heard: string[] = [];
    const sync = noors.sync({ peer, onProgress: ({ phase }) => heard.push(phase) });
    await until(() => heard.includes('pulling'));
    await release();
    await sync;
    expect(await visits(noors).find(one)).toBeNull();
    expect(await noors.peers.conflicts()).toMatchObject([
      { kind: 'changed_by_peer', table: 'visits', recordId: one, kept: 'local' },
    ]);
  });

  test('what was deleted in the cloud stays so, though the hub still has it and more of it', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    await atCloud(noors);
    const patient = await patients(noors).create(PATIENT);
    await noors.sync({ peer });
    await noors.sync();
    await noors.sync();
    await samis.sync({ peer });
    await patients(noors).delete(patient);
    expect(await noors.sync()).toMatchObject({ pushedDeletions: 1 });
    expect((await peerOf(noors, peer))?.pending).toEqual([]);
    const visit = await samis
      .table('visits')
      .create({ patient_id: patient, clinic_id: hub.clinic });
    await samis.sync({ peer });
    // once, and once more: it has said so before, and that is no news
    for (let times = 0; times < 2; times++) {
      await noors.sync({ peer, fullPull: true });
      expect(await patients(noors).find(patient)).toBeNull();
      expect(await noors.table('visits').find(visit)).toBeNull();
    }
  });

  test('a deletion reaches the hub with its children, and the cloud as one', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    await atCloud(noors);
    const patient = await patients(noors).create(PATIENT);
    const visit = await noors
      .table('visits')
      .create({ patient_id: patient, clinic_id: hub.clinic });
    await noors.sync({ peer });
    await noors.sync();
    await samis.sync({ peer });
    expect(await patients(samis).find(patient)).toMatchObject(PATIENT);
    await patients(noors).delete(patient);
    expect((await peerOf(noors, peer))?.pending).toEqual([
      { table: 'patients', pending: 1, quarantined: 0 },
      { table: 'visits', pending: 1, quarantined: 0 },
    ]);
    expect((await peerOf(noors, 'cloud'))?.pending).toEqual([
      { table: 'patients', pending: 1, quarantined: 0 },
    ]);
    expect(await noors.sync({ peer })).toMatchObject({ pushedDeletions: 2, pushed: 0 });
    expect(await standing(noors, patient)).toMatchObject({
      standing: 'on_hub',
      deleted: true,
      takenBy: [peer],
    });
    await samis.sync({ peer });
    expect(await patients(samis).find(patient)).toBeNull();
    expect(await samis.table('visits').find(visit)).toBeNull();
    expect(await noors.sync()).toMatchObject({ pushedDeletions: 1 });
    expect(await codeOf(standing(noors, patient))).toBe('not_found');
    expect(await noors.status()).toMatchObject({ pending: 0 });
  });

  test('what the cloud has taken already, the hub is not sent, and its older version changes nothing', async () => {
    const [noors, samis] = [await join(await tablet()), await join(await tablet(), 1)];
    await atCloud(noors);
    const patient = await patients(noors).create({ ...PATIENT, phone: '000' });
    await noors.sync({ peer });
    await noors.sync();
    await patients(noors).update(patient, { phone: '111' });
    expect(await noors.sync()).toMatchObject({ pushed: 1 });
    expect(await standing(noors, patient)).toMatchObject({ standing: 'in_cloud' });
    expect((await peerOf(noors, peer))?.pending).toEqual([]);
    expect(await standing(noors, patient)).toMatchObject({ confirmed: false });
    expect(await noors.sync({ peer, fullPull: true })).toMatchObject({ pushed: 0, conflicts: 0 });
    expect(await patients(noors).find(patient)).toMatchObject({ phone: '111' });
    // and it cannot say for the cloud what that has kept
    expect(await standing(noors, patient)).toMatchObject({ confirmed: false });
    await noors.sync();
    expect(await standing(noors, patient)).toMatchObject({ confirmed: true });
    // another edit at the hub is news, though
    await samis.sync({ peer });
    // which edit is the later one is told by the clock
    await passed(harness, 2);
    await patients(samis).update(patient, { camp: 'North' });
    await samis.sync({ peer });
    await noors.sync({ peer });
    expect(await patients(noors).find(patient)).toMatchObject({ camp: 'North' });
  });

  test('where the hub has the last word, what it took waits for nobody', async () => {
    const vault = await join(await tablet({ sync: { lastWord: 'hub' } }));
    await atCloud(vault);
    const [one, two] = [await patients(vault).create(PATIENT), await patients(vault).create(PATIENT)];
    await vault.sync();
    expect(await standing(vault, one)).toMatchObject({ standing: 'in_cloud', takenBy: ['cloud'] });
    expect(await vault.status()).toMatchObject({ pending: 2 });
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 2 });
    expect(await vault.status()).toMatchObject({ pending: 0 });
    for (const id of [one, two]) {
      expect(await standing(vault, id)).toMatchObject({ standing: 'on_hub', takenBy: [] });
    }
    expect((await peerOf(vault, 'cloud'))?.pending).toEqual([]);
  });
}
