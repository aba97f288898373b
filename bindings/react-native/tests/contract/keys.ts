/** Records that a server knows by other columns than their id: one attribute of one patient. */
import type { Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, passed, PATIENT } from './harness.ts';

export function keysContract(harness: Harness): void {
  if (harness.cloud === undefined) return;
  const { url, ca, email, password } = harness.cloud;
  const credentials = { url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) };

  let vaults: Vault[] = [];
  afterEach(async () => {
    for (const vault of vaults) await vault.close();
    vaults = [];
  });
  async function tablet(): Promise<Vault> {
    const vault = await openVault({ name: freshName() });
    vaults.push(vault);
    await vault.signIn(credentials);
    return vault;
  }
  const attributes = (vault: Vault) => vault.table('patient_additional_attributes');
  const make = (vault: Vault, patient: string, value: string) =>
    attributes(vault).create({
      patient_id: patient,
      attribute_id: 'blood',
      attribute: 'Blood group',
      string_value: value,
    });

  /** Two tablets that know a patient, each with an attribute of its own making; the first has synced it. */
  async function bothMade(ours: string, theirs: string) {
    const [vault, other] = [await tablet(), await tablet()];
    const patient = await vault.table('patients').create(PATIENT);
    await vault.sync();
    await other.sync();
    const first = await make(other, patient, theirs);
    await other.sync();
    await passed(harness, 2);
    const second = await make(vault, patient, ours);
    return { vault, other, patient, first, second };
  }

  test('what two tablets made by the same key is one record, under the id that the server met first', async () => {
    const { vault, other, patient, first, second } = await bothMade('A', 'A');
    expect(await vault.sync()).toMatchObject({ adopted: 1, conflicts: 0 });
    expect(await attributes(vault).find(second)).toBeNull();
    expect(await attributes(vault).find(first)).toMatchObject({
      patient_id: patient,
      attribute_id: 'blood',
      string_value: 'A',
    });
    expect(await attributes(vault).query().count()).toBe(
      await attributes(other).query().count()
    );
    expect(await vault.status()).toMatchObject({ pending: 0 });
    expect(await codeOf(vault.peers.standing('patient_additional_attributes', second))).toBe(
      'not_found'
    );
    expect(await vault.sync()).toMatchObject({ adopted: 0 });
  });

  test('where they differ ours stays as an edit of theirs, and both are in the ledger', async () => {
    const { vault, other, first } = await bothMade('A', 'B');
    expect(await vault.sync()).toMatchObject({ adopted: 1, conflicts: 1, pushed: 1 });
    expect(await vault.peers.conflicts()).toMatchObject([
      {
        kind: 'both_changed',
        recordId: first,
        column: 'string_value',
        local: '"A"',
        remote: '"B"',
        kept: 'local',
      },
    ]);
    await other.sync();
    for (const one of [vault, other]) {
      expect(await attributes(one).find(first)).toMatchObject({ string_value: 'A' });
    }
    expect(await vault.status()).toMatchObject({ pending: 0 });
  });

  test('the key of a record is its own on a device', async () => {
    const vault = await tablet();
    const patient = await vault.table('patients').create(PATIENT);
    const id = await make(vault, patient, 'A');
    expect(await codeOf(make(vault, patient, 'B'))).toBe('invalid_input');
    const other = await attributes(vault).create({
      patient_id: patient,
      attribute_id: 'height',
      attribute: 'Height',
    });
    expect(await codeOf(attributes(vault).update(other, { attribute_id: 'blood' }))).toBe(
      'invalid_input'
    );
    await attributes(vault).delete(id);
    await attributes(vault).update(other, { attribute_id: 'blood' });
    await attributes(vault).update(other, { string_value: 'C' });
  });

  test('what is given again while its deletion waits is an edit of what the server has', async () => {
    for (const value of ['A', 'B']) {
      const [vault, other] = [await tablet(), await tablet()];
      const patient = await vault.table('patients').create(PATIENT);
      const id = await make(vault, patient, 'A');
      await vault.sync();
      await attributes(vault).delete(id);
      await passed(harness, 2);
      expect(await make(vault, patient, value)).toBe(id);
      for (const one of [vault, vault, other]) await one.sync();
      for (const one of [vault, other]) {
        expect(await attributes(one).find(id)).toMatchObject({ string_value: value });
      }
      expect(await vault.status()).toMatchObject({ pending: 0 });
      expect(await vault.peers.conflicts()).toEqual([]);
    }
  });

  test('where the app chooses an id the new one takes the place of the deleted one', async () => {
    const chosen = '01890a5d-ac96-774b-bcce-b302099a8057';
    const vault = await tablet();
    const patient = await vault.table('patients').create(PATIENT);
    const id = await make(vault, patient, 'A');
    await vault.sync();
    await attributes(vault).delete(id);
    await passed(harness, 2);
    const made = await attributes(vault).create({
      id: chosen,
      patient_id: patient,
      attribute_id: 'blood',
      attribute: 'Blood group',
      number_value: 7,
    });
    expect(made).toBe(chosen);
    await vault.sync();
    await vault.sync();
    expect(await attributes(vault).find(chosen)).toBeNull();
    // what the deleted one held does not come back
    expect(await attributes(vault).find(id)).toMatchObject({ number_value: 7, string_value: null });
    expect(await vault.status()).toMatchObject({ pending: 0 });
    expect(await vault.peers.conflicts()).toEqual([]);
  });

  const { hub: hubOf } = harness;
  if (hubOf === undefined) return;
  test('which id counts, a hub does not say: ours stays until the cloud has spoken', async () => {
    const hub = hubOf();
    const { peer } = hub;
    const [vault, other] = [await tablet(), await tablet()];
    for (const one of [vault, other]) await one.peers.pairHub(hub.qr);
    const patient = await vault.table('patients').create(PATIENT);
    await vault.sync({ peer });
    await vault.sync();
    await other.sync();
    await other.sync({ peer });
    const first = await make(other, patient, 'B');
    await other.sync({ peer });
    await passed(harness, 2);
    const second = await make(vault, patient, 'A');
    expect(await vault.sync({ peer })).toMatchObject({ adopted: 0, conflicts: 1 });
    expect(await attributes(vault).find(second)).toMatchObject({ string_value: 'A' });
    expect(await attributes(vault).find(first)).toBeNull();
    await other.sync();
    expect(await vault.sync()).toMatchObject({ adopted: 1 });
    expect(await attributes(vault).find(second)).toBeNull();
    expect(await attributes(vault).find(first)).toMatchObject({ string_value: 'A' });
  });
}
