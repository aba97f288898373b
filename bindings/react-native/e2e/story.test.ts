/** Two tablets of one clinic and its cloud, over real TLS on this machine. */
import type { Vault } from '../src/index.ts';
import { openVault } from '../src/index.ts';
import { codeOf, until } from '../tests/contract/harness.ts';
import { aName, theCloud, theModule } from './app.ts';
import { Wire } from './wire.ts';

theModule();
const cloud = theCloud('ALONE');

async function twoTablets(): Promise<{ noors: Vault; samis: Vault }> {
  const noors = await openVault({ name: aName(), policy: 'person' });
  await noors.create({ person: 'noor', pin: '4711' });
  const samis = await openVault({ name: aName() });
  expect(await noors.signIn(cloud.noor)).toMatchObject({ role: 'provider', clinicId: cloud.clinic });
  expect(await samis.signIn(cloud.sami)).toMatchObject({ role: 'registrar', clinicId: cloud.clinic });
  return { noors, samis };
}

/** The digests of what both have: permissions are each person's own. */
const shared = async (vault: Vault) =>
  (await vault.peers.digest()).filter(({ table }) => table !== 'user_clinic_permissions');

test('what one registers the other sees, and both end equal', async () => {
  const { noors, samis } = await twoTablets();
  const patient = await noors.table('patients').create({
    given_name: 'سلمى 👶',
    surname: 'Haddad',
    date_of_birth: '1980-02-03',
  });
  await noors.table('visits').create({ patient_id: patient, clinic_id: cloud.clinic });
  expect((await noors.sync()).pushed).toBe(2);

  const heard: string[] = [];
  const stop = samis
    .table('patients')
    .query()
    .observe((rows) => heard.push(...rows.map((row) => String(row.given_name))));
  expect((await samis.sync()).inserted).toBeGreaterThanOrEqual(2);
  await until(() => heard.includes('سلمى 👶'));
  stop();

  // both change the same column without a network
  await noors.table('patients').update(patient, { phone: '111' });
  await samis.table('patients').update(patient, { phone: '222' });
  await noors.sync();
  expect((await samis.sync()).conflicts).toBe(1);
  const [conflict] = await samis.peers.conflicts();
  expect(conflict).toMatchObject({
    kind: 'both_changed',
    table: 'patients',
    recordId: patient,
    column: 'phone',
    local: '"222"',
    remote: '"111"',
    kept: 'local',
    undoneAtMs: null,
  });
  expect((await samis.status()).conflicts).toBe(1);
  expect(await samis.peers.undoConflict(conflict?.id ?? 0)).toBe(patient);
  expect(await codeOf(samis.peers.undoConflict(conflict?.id ?? 0))).toBe('invalid_input');
  expect(await samis.table('patients').find(patient)).toMatchObject({ phone: '111' });
  await samis.sync();
  await noors.sync();
  expect(await shared(noors)).toEqual(await shared(samis));
  expect(await noors.peers.standing('patients', patient)).toMatchObject({ standing: 'in_cloud' });

  // the next person needs a PIN, and finds everything where it was
  await noors.lock();
  expect(await codeOf(noors.sync())).toBe('locked');
  await noors.unlock({ person: 'noor', pin: '4711' });
  expect(await noors.table('patients').query().count()).toBe(1);
  expect(await noors.status()).toMatchObject({ pending: 0, person: { clinicId: cloud.clinic } });
  await noors.close();
  await samis.close();
});

test('who is not who they say is not let in', async () => {
  const vault = await openVault({ name: aName() });
  const { privateCaPem: _, ...publicRoots } = cloud.noor;
  expect(await codeOf(vault.signIn(publicRoots))).toBe('tls');
  expect(await codeOf(vault.signIn({ ...cloud.noor, password: 'wrong' }))).toBe('unauthorized');
  // port 9 of this machine: nobody listens
  const nobody = { ...cloud.noor, url: 'https://127.0.0.1:9' };
  expect(await codeOf(vault.signIn(nobody))).toBe('network');
  await vault.close();
});

test('a sync that is given up is cancelled, and the next one goes through', async () => {
  const wire = new Wire(cloud.noor.url);
  const vault = await openVault({ name: aName() });
  await vault.signIn({ ...cloud.noor, url: await wire.open() });
  await vault.table('patients').create({ given_name: 'A', surname: 'B', date_of_birth: '1980-02-03' });
  // the cloud was asked, and its answer does not come: the sync can end in no other way
  const asked = wire.hold();
  const controller = new AbortController();
  const code = codeOf(vault.sync({ signal: controller.signal }));
  await asked;
  controller.abort();
  expect(await code).toBe('cancelled');
  expect(await vault.status()).toMatchObject({ pending: 1, syncing: false });
  expect((await vault.status()).peers[0]).toMatchObject({ lastError: null, failures: 0 });
  wire.release();
  expect(await vault.sync()).toMatchObject({ pushed: 1 });
  expect((await vault.status()).pending).toBe(0);
  await vault.close();
  await wire.close();
});
