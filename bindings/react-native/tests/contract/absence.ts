/** What a pull tells by what it does not show. */
import type { Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { CarelessCloud, Harness } from './harness.ts';
import { freshName, PATIENT } from './harness.ts';

const A_NUMBER: unknown = expect.any(Number);

export function absenceContract(harness: Harness): void {
  const { careless } = harness;
  if (careless === undefined) return;

  let cloud: CarelessCloud;
  let vault: Vault;
  beforeEach(async () => {
    cloud = careless();
    const { url, ca, email, password } = cloud;
    vault = await openVault({ name: freshName() });
    await vault.signIn({ url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) });
  });
  afterEach(() => vault.close());
  const patients = () => vault.table('patients');
  const standing = (id: string) => vault.peers.standing('patients', id);

  test('what a pull of everything does not show is marked and kept, or gone where all is shown', async () => {
    const [known, edited] = [await patients().create(PATIENT), await patients().create(PATIENT)];
    await vault.sync();
    await vault.sync();
    expect(await vault.status()).toMatchObject({ absent: 0, unconfirmed: 0 });
    expect(await vault.table('clinics').find(cloud.clinic)).not.toBeNull();
    await patients().update(edited, { phone: '111' });
    const showAgain = await cloud.showNothing();
    try {
      const report = await vault.sync({ fullPull: true });
      expect(report.pulled).toBe(0);
      expect(report.absent).toBeGreaterThanOrEqual(1);
      expect(report.gone).toBeGreaterThanOrEqual(1);
      expect((await vault.status()).absent).toBe(report.absent);
      expect(await vault.table('clinics').find(cloud.clinic)).toBeNull();
      expect(await patients().find(known)).toMatchObject(PATIENT);
      expect(await standing(known)).toMatchObject({
        standing: 'in_cloud',
        deleted: false,
        confirmed: true,
        absentSinceMs: A_NUMBER,
      });
      // what waited was not looked for
      expect(await standing(edited)).toMatchObject({ absentSinceMs: null });
    } finally {
      await showAgain();
    }
    await vault.sync({ fullPull: true });
    expect(await standing(known)).toMatchObject({ standing: 'in_cloud', absentSinceMs: null });
    expect((await vault.status()).absent).toBe(0);
    expect(await vault.table('clinics').find(cloud.clinic)).not.toBeNull();
    expect(await vault.peers.conflicts()).toEqual([]);
  });

  test('what is marked once is not counted again, and is marked no more once it is deleted', async () => {
    const id = await patients().create(PATIENT);
    await vault.sync();
    await vault.sync();
    const showAgain = await cloud.showNothing();
    try {
      await vault.sync({ fullPull: true });
      const since = (await standing(id)).absentSinceMs;
      expect(since).toEqual(A_NUMBER);
      expect(await vault.sync({ fullPull: true })).toMatchObject({ absent: 0, gone: 0 });
      expect((await standing(id)).absentSinceMs).toBe(since);
    } finally {
      await showAgain();
    }
    await patients().delete(id);
    expect(await standing(id)).toMatchObject({ deleted: true, absentSinceMs: null });
  });

  test('what the cloud took and does not show is here only, in the ledger, and is sent again', async () => {
    await vault.sync();
    await cloud.dropPush();
    const id = await patients().create(PATIENT);
    expect(await vault.sync()).toMatchObject({ pushed: 1 });
    expect(await standing(id)).toMatchObject({ standing: 'in_cloud', confirmed: false });
    expect(await vault.status()).toMatchObject({ unconfirmed: 1, absent: 0 });
    expect(await vault.sync()).toMatchObject({ notKept: 1, pushed: 0 });
    expect(await standing(id)).toMatchObject({
      standing: 'here_only',
      deleted: false,
      confirmed: false,
      absentSinceMs: A_NUMBER,
    });
    expect(await vault.status()).toMatchObject({
      unconfirmed: 0,
      absent: 1,
      conflicts: 1,
      pending: 0,
    });
    const [entry, ...more] = await vault.peers.conflicts();
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      kind: 'not_kept',
      peer: 'cloud',
      recordId: id,
      column: null,
      base: '{}',
      remote: null,
      kept: 'local',
    });
    expect(JSON.parse(entry?.local ?? '{}')).toMatchObject({ ...PATIENT, id });
    // it is said once
    expect(await vault.sync()).toMatchObject({ notKept: 0 });

    expect(await vault.peers.undoConflict(entry?.id ?? 0)).toBe(id);
    expect(await vault.status()).toMatchObject({ pending: 1, conflicts: 0 });
    expect(await vault.sync()).toMatchObject({ pushed: 1 });
    await vault.sync();
    expect(await standing(id)).toMatchObject({
      standing: 'in_cloud',
      confirmed: true,
      absentSinceMs: null,
    });
    expect(await vault.status()).toMatchObject({ absent: 0, unconfirmed: 0, conflicts: 0 });
  });

  test('an edit that the cloud dropped is shown by what it holds instead', async () => {
    const id = await patients().create({ ...PATIENT, phone: '000' });
    await vault.sync();
    await vault.sync();
    await patients().update(id, { phone: '111' });
    await cloud.dropPush();
    expect(await vault.sync()).toMatchObject({ pushed: 1 });
    expect(await vault.sync()).toMatchObject({ notKept: 1, conflicts: 0 });
    expect(await patients().find(id)).toMatchObject({ phone: '000' });
    expect(await vault.peers.conflicts()).toMatchObject([
      {
        kind: 'not_kept',
        peer: 'cloud',
        recordId: id,
        column: 'phone',
        base: '"000"',
        local: '"111"',
        remote: '"000"',
        kept: 'remote',
      },
    ]);
    expect(await standing(id)).toMatchObject({ absentSinceMs: null, confirmed: true });
    await vault.peers.undoConflict(1);
    expect(await vault.sync()).toMatchObject({ pushed: 1, notKept: 0 });
    await vault.sync();
    expect(await patients().find(id)).toMatchObject({ phone: '111' });
    expect((await vault.status()).conflicts).toBe(0);
  });

  test('what somebody deletes before a pull has shown it is in the ledger, with what went with it', async () => {
    const { url, ca, email, password } = cloud;
    const other = await openVault({ name: freshName() });
    await other.signIn({ url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) });
    const id = await patients().create(PATIENT);
    const visit = await vault.table('visits').create({ patient_id: id, clinic_id: cloud.clinic });
    await vault.sync();
    await other.sync();
    await other.table('patients').delete(id);
    await other.sync();
    await other.close();
    // whether the child is counted with its parent or by itself depends on the server's order
    expect(await vault.sync()).toMatchObject({ lostEdits: 2 });
    expect(await patients().find(id)).toBeNull();
    expect(await vault.table('visits').find(visit)).toBeNull();
    const ledger = await vault.peers.conflicts();
    expect(ledger.map(({ kind, table, kept }) => [kind, table, kept]).sort()).toEqual([
      ['deleted_by_peer', 'patients', 'remote'],
      ['deleted_by_peer', 'visits', 'remote'],
    ]);
    expect(await vault.status()).toMatchObject({ unconfirmed: 0, pending: 0 });
  });
}
