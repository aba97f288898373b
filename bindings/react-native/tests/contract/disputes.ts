/** What both sides changed, and what the cloud refuses. */
import type { Vault, VaultConfig } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, PATIENT } from './harness.ts';

const A_NUMBER: unknown = expect.any(Number);
const A_TEXT: unknown = expect.any(String);

export function disputesContract(harness: Harness): void {
  test('rules of conflicts are checked', async () => {
    for (const sync of [{ conflicts: 'mine' }, { tables: { patients: 'x' } }, { odd: 1 }, 'local']) {
      const config = { name: freshName(), sync } as unknown as VaultConfig;
      expect([sync, await codeOf(openVault(config))]).toEqual([sync, 'invalid_input']);
    }
  });

  if (harness.cloud === undefined) return;
  const { url, ca, email, password, clinic, nowhere } = harness.cloud;
  const credentials = { url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) };
  const BAD = { ...PATIENT, given_name: 'Bad', primary_clinic_id: nowhere };

  let vaults: Vault[] = [];
  afterEach(async () => {
    for (const vault of vaults) await vault.close();
    vaults = [];
  });
  async function tablet(config: VaultConfig = {}): Promise<Vault> {
    const vault = await openVault({ name: freshName(), ...config });
    vaults.push(vault);
    await vault.signIn(credentials);
    return vault;
  }
  const patients = (vault: Vault) => vault.table('patients');
  const cloudOf = async (vault: Vault) => (await vault.status()).peers.find(({ peer }) => peer === 'cloud');

  /** A patient that both have, and that the other one has changed in the cloud since. */
  async function changedElsewhere(config: VaultConfig = {}) {
    const [vault, other] = [await tablet(config), await tablet()];
    const id = await patients(vault).create({ ...PATIENT, phone: '000' });
    await vault.sync();
    await other.sync();
    await patients(other).update(id, { phone: '111', camp: 'North' });
    await other.sync();
    return { vault, other, id };
  }

  test('where both changed a column ours stays, theirs is in the ledger, and can be taken', async () => {
    const { vault, other, id } = await changedElsewhere();
    await patients(vault).update(id, { phone: '222', surname: 'Haddad' });
    expect(await vault.sync()).toMatchObject({ conflicts: 1, pushed: 1, lostEdits: 0 });
    const merged = { phone: '222', surname: 'Haddad', camp: 'North' };
    expect(await patients(vault).find(id)).toMatchObject(merged);
    const [entry, ...more] = await vault.peers.conflicts();
    expect(more).toEqual([]);
    expect(entry).toEqual({
      id: 1,
      atMs: A_NUMBER,
      kind: 'both_changed',
      peer: 'cloud',
      table: 'patients',
      recordId: id,
      column: 'phone',
      base: '"000"',
      local: '"222"',
      remote: '"111"',
      kept: 'local',
      actor: A_TEXT,
      localAtMs: A_NUMBER,
      remoteAtMs: A_NUMBER,
      undoneAtMs: null,
    });
    expect(await vault.peers.conflicts(1)).toEqual([]);
    expect((await vault.status()).conflicts).toBe(1);
    // the same pull once more is none
    expect((await vault.sync()).conflicts).toBe(0);
    await other.sync();
    expect(await patients(other).find(id)).toMatchObject(merged);

    expect(await vault.peers.undoConflict(1)).toBe(id);
    expect(await patients(vault).find(id)).toMatchObject({ phone: '111', surname: 'Haddad' });
    expect(await vault.status()).toMatchObject({ conflicts: 0, pending: 1 });
    expect((await vault.peers.conflicts())[0]?.undoneAtMs).toEqual(A_NUMBER);
    expect(await codeOf(vault.peers.undoConflict(1))).toBe('invalid_input');
    expect(await codeOf(vault.peers.undoConflict(2))).toBe('not_found');
    await vault.sync();
    await other.sync();
    expect(await patients(other).find(id)).toMatchObject({ phone: '111' });
    // what was written over theirs before they saw it come back, they know of, too
    expect(await other.peers.conflicts()).toMatchObject([
      { kind: 'not_kept', column: 'phone', local: '"111"', remote: '"222"', kept: 'remote' },
    ]);
  });

  test('one column of a record that is gone brings nothing back', async () => {
    const { vault, id } = await changedElsewhere();
    await patients(vault).update(id, { phone: '222' });
    await vault.sync();
    await patients(vault).delete(id);
    expect(await codeOf(vault.peers.undoConflict(1))).toBe('not_found');
    expect(await patients(vault).find(id)).toBeNull();
    expect((await vault.peers.conflicts())[0]?.undoneAtMs).toBeNull();
  });

  test('what only they changed, or both alike, is no conflict', async () => {
    const { vault, id } = await changedElsewhere();
    await patients(vault).update(id, { camp: 'North', surname: 'Haddad' });
    expect((await vault.sync()).conflicts).toBe(0);
    const merged = { phone: '111', camp: 'North', surname: 'Haddad' };
    expect(await patients(vault).find(id)).toMatchObject(merged);
    expect(await vault.peers.conflicts()).toEqual([]);
  });

  test('with the rule remote theirs stays, and ours can be taken', async () => {
    const { vault, id } = await changedElsewhere({ sync: { tables: { patients: 'remote' } } });
    await patients(vault).update(id, { phone: '222' });
    expect(await vault.sync()).toMatchObject({ conflicts: 1, pushed: 0 });
    expect(await patients(vault).find(id)).toMatchObject({ phone: '111' });
    expect(await vault.peers.conflicts()).toMatchObject([{ kept: 'remote', local: '"222"' }]);
    expect((await vault.status()).pending).toBe(0);
    await vault.peers.undoConflict(1);
    expect(await patients(vault).find(id)).toMatchObject({ phone: '222' });
  });

  test('with the rule latest the later edit stays', async () => {
    const { vault, id } = await changedElsewhere({ sync: { conflicts: 'latest' } });
    await patients(vault).update(id, { phone: '222' });
    await vault.sync();
    expect(await patients(vault).find(id)).toMatchObject({ phone: '222' });
    expect(await vault.peers.conflicts()).toMatchObject([{ kept: 'local' }]);
  });

  test('an edit of what they deleted is in the ledger, and comes back as a new record', async () => {
    const { vault, other, id } = await changedElsewhere();
    await patients(other).delete(id);
    await other.sync();
    await patients(vault).update(id, { phone: '222' });
    expect(await vault.sync()).toMatchObject({ lostEdits: 1, deleted: 1, pushed: 0 });
    expect(await patients(vault).find(id)).toBeNull();
    const [entry] = await vault.peers.conflicts();
    expect(entry).toMatchObject({ kind: 'deleted_by_peer', recordId: id, column: null, kept: 'remote' });
    expect(JSON.parse(entry?.local ?? '{}')).toMatchObject({ phone: '222', is_deleted: 0 });
    expect(entry?.remote).toBeNull();
    const back = await vault.peers.undoConflict(entry?.id ?? 0);
    expect(back).not.toBe(id);
    expect(await patients(vault).find(back)).toMatchObject({ ...PATIENT, phone: '222', is_deleted: false });
    expect((await vault.sync()).pushed).toBe(1);
    await other.sync();
    expect(await patients(other).find(back)).toMatchObject({ phone: '222' });
  });

  test('what they changed after it was deleted here stays deleted, and is in the ledger', async () => {
    const { vault, id } = await changedElsewhere();
    await patients(vault).delete(id);
    expect(await vault.sync()).toMatchObject({ pushedDeletions: 1 });
    expect(await patients(vault).find(id)).toBeNull();
    const [entry] = await vault.peers.conflicts();
    expect(entry).toMatchObject({ kind: 'changed_by_peer', recordId: id, column: null, kept: 'local' });
    expect(JSON.parse(entry?.remote ?? '{}')).toMatchObject({ phone: '111' });
    expect(entry?.local).toBeNull();
    const back = await vault.peers.undoConflict(entry?.id ?? 0);
    expect(back).not.toBe(id);
    expect(await patients(vault).find(back)).toMatchObject({ phone: '111', camp: 'North' });
  });

  test('a deletion is one, with all that goes with it', async () => {
    const vault = await tablet();
    const id = await patients(vault).create(PATIENT);
    const visit = await vault.table('visits').create({ patient_id: id, clinic_id: clinic });
    await vault.sync();
    await patients(vault).delete(id);
    expect(await vault.table('visits').find(visit)).toBeNull();
    expect((await vault.status()).pending).toBe(1);
    expect((await cloudOf(vault))?.pending).toEqual([{ table: 'patients', pending: 1, quarantined: 0 }]);
    expect(await vault.peers.standing('visits', visit)).toMatchObject({ deleted: true });
    expect(await vault.sync()).toMatchObject({ pushedDeletions: 1, pushed: 0 });
    expect((await vault.status()).pending).toBe(0);
    await vault.sync();
    expect(await vault.table('visits').find(visit)).toBeNull();
  });

  test('what was pushed is confirmed by the next pull', async () => {
    const vault = await tablet();
    expect(await cloudOf(vault)).toMatchObject({ lastSuccessMs: null, pending: [] });
    const id = await patients(vault).create(PATIENT);
    expect(await cloudOf(vault)).toMatchObject({ pending: [{ table: 'patients', pending: 1 }] });
    expect(await vault.peers.standing('patients', id)).toMatchObject({ confirmed: false });
    await vault.sync();
    expect(await vault.peers.standing('patients', id)).toMatchObject({
      standing: 'in_cloud',
      confirmed: false,
    });
    expect((await vault.status()).unconfirmed).toBe(1);
    await vault.sync();
    expect(await vault.peers.standing('patients', id)).toMatchObject({ confirmed: true });
    expect((await vault.status()).unconfirmed).toBe(0);
  });

  test('a record that the cloud refuses is put aside with its reason until it is mended', async () => {
    const vault = await tablet();
    const bad = await patients(vault).create(BAD);
    await patients(vault).create(PATIENT);
    await vault.table('visits').create({ patient_id: bad, clinic_id: clinic });
    expect(await vault.sync()).toMatchObject({ pushed: 1, quarantined: 1, waiting: 1 });
    const [aside, ...more] = await vault.peers.quarantined();
    expect(more).toEqual([]);
    expect(aside).toEqual({
      peer: 'cloud',
      table: 'patients',
      recordId: bad,
      reason: 'the peer refuses this record',
      sinceMs: A_NUMBER,
      retryAtMs: null,
      waiting: 1,
    });
    expect(await vault.peers.standing('patients', bad)).toMatchObject({
      standing: 'here_only',
      refusedBy: [{ peer: 'cloud', reason: aside?.reason }],
    });
    expect(await vault.status()).toMatchObject({ pending: 2, quarantined: 1 });
    expect((await cloudOf(vault))?.pending).toEqual([
      { table: 'patients', pending: 1, quarantined: 1 },
      { table: 'visits', pending: 1, quarantined: 0 },
    ]);
    // it rests, and what belongs to it waits
    expect(await vault.sync()).toMatchObject({ pushed: 0, quarantined: 0, waiting: 1 });

    expect(await codeOf(vault.peers.release('patients', nowhere))).toBe('not_found');
    await vault.peers.release('patients', bad);
    expect(await codeOf(vault.peers.release('patients', bad))).toBe('not_found');
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.peers.standing('patients', bad)).toMatchObject({ refusedBy: [] });
    // it is known: that it is refused again fails no sync
    expect(await vault.sync()).toMatchObject({ pushed: 0, quarantined: 1, waiting: 1 });
    expect((await vault.peers.quarantined())[0]?.retryAtMs).toEqual(A_NUMBER);
    expect(await vault.peers.releaseAll()).toBe(1);
    expect(await vault.peers.releaseAll()).toBe(0);

    await patients(vault).update(bad, { primary_clinic_id: clinic });
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.status()).toMatchObject({ pending: 2, quarantined: 0 });
    expect(await vault.sync()).toMatchObject({ pushed: 2, quarantined: 0, waiting: 0 });
    expect(await vault.peers.standing('patients', bad)).toMatchObject({ standing: 'in_cloud' });
  });

  test('what is refused behind all that is taken may be the cloud: it is tried again by itself', async () => {
    const vault = await tablet();
    await patients(vault).create(PATIENT);
    const bad = await patients(vault).create(BAD);
    expect(await vault.sync()).toMatchObject({ pushed: 1, quarantined: 1 });
    expect(await vault.peers.quarantined()).toMatchObject([{ recordId: bad, retryAtMs: A_NUMBER }]);
    expect(await vault.sync()).toMatchObject({ pushed: 0, quarantined: 0 });
  });

  test('an edit that is refused is put aside, and one that is deleted no more', async () => {
    const vault = await tablet();
    const id = await patients(vault).create(PATIENT);
    await vault.sync();
    await patients(vault).update(id, { primary_clinic_id: nowhere });
    await patients(vault).create(PATIENT);
    // the cloud has the patient, so a visit does not wait
    await vault.table('visits').create({ patient_id: id, clinic_id: clinic });
    expect(await vault.sync()).toMatchObject({ pushed: 2, quarantined: 1, waiting: 0 });
    expect(await vault.peers.quarantined()).toMatchObject([{ recordId: id, waiting: 0, retryAtMs: null }]);
    await patients(vault).delete(id);
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.sync()).toMatchObject({ pushedDeletions: 1, quarantined: 0 });
  });

  test('a record that is refused while nothing is taken fails the sync at first', async () => {
    const vault = await tablet();
    const bad = await patients(vault).create(BAD);
    expect(await codeOf(vault.sync())).toBe('server');
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.status()).toMatchObject({ pending: 1, quarantined: 0 });
    expect(await cloudOf(vault)).toMatchObject({ lastError: 'server', failures: 1, lastSuccessMs: null });
    // with one that is taken it is clear
    if (harness.advance === undefined) {
      await patients(vault).create(PATIENT);
      expect(await vault.sync()).toMatchObject({ pushed: 1, quarantined: 1 });
      expect(await vault.peers.quarantined()).toMatchObject([{ recordId: bad, retryAtMs: null }]);
    } else {
      harness.advance(61_000);
      expect(await vault.sync()).toMatchObject({ pushed: 0, quarantined: 1 });
      const [{ retryAtMs } = { retryAtMs: null }] = await vault.peers.quarantined();
      expect(retryAtMs).toEqual(A_NUMBER);
      harness.advance(60 * 60 * 1000);
      expect(await vault.sync()).toMatchObject({ quarantined: 1 });
    }
    expect(await cloudOf(vault)).toMatchObject({ lastError: null, failures: 0 });
  });

  // a real sync spreads its requests, and takes minutes for these: there the core's own tests show it
  if (harness.advance === undefined) return;
  test('many records that are refused while nothing is taken are an outage', async () => {
    const vault = await tablet();
    await vault.batch((batch) => {
      for (let n = 0; n < 9; n++) batch.create('patients', BAD);
    });
    expect(await codeOf(vault.sync())).toBe('server');
    harness.advance?.(61_000);
    expect(await codeOf(vault.sync())).toBe('server');
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.status()).toMatchObject({ pending: 9, quarantined: 0 });
  });
}
