/** A clinic in small: two tablets and its hub on this machine, then the cloud. */
import type { SyncProgress, Vault } from '../src/index.ts';
import { openVault } from '../src/index.ts';
import { codeOf, NOWHERE, PATIENT, until } from '../tests/contract/harness.ts';
import { aName, theCloud, theModule } from './app.ts';
import { required } from './jvmModule.ts';

interface Peer {
  readonly said: Readonly<Record<'url' | 'qr' | 'id' | 'clinic_id', string>>;
  end(): Promise<void>;
}
const { startPeer, setFaults } = jest.requireActual<{
  startPeer: (libraries: string, ...args: string[]) => Promise<Peer>;
  setFaults: (url: string, switches: object) => Promise<void>;
}>('./peer.cjs');

theModule();
const cloud = theCloud();
const password = { noor: 'Cedar-River-7', sami: 'Olive-Stone-4' };

let hub: Peer;
let peer: string;
let noors: Vault;
let samis: Vault;
beforeAll(async () => {
  hub = await startPeer(required('AMANA_LIB_DIR'), 'hub', '--admin');
  peer = `hub:${hub.said.id}`;
});
afterAll(() => hub.end());
beforeEach(async () => {
  [noors, samis] = [await openVault({ name: aName() }), await openVault({ name: aName() })];
});
afterEach(async () => {
  await noors.close();
  await samis.close();
});

async function join(vault: Vault, who: 'noor' | 'sami'): Promise<void> {
  const paired = await vault.peers.pairHub(hub.said.qr);
  expect(paired).toEqual({ peer, name: 'Reference hub', url: hub.said.url });
  const email = `${who}@clinic-a.example`;
  const person = await vault.peers.signInAtHub({ peer, email, password: password[who] });
  expect(person).toMatchObject({ clinicId: hub.said.clinic_id });
}

const standing = async (vault: Vault, id: string) => vault.peers.standing('patients', id);
const peerOf = async (vault: Vault, name: string) =>
  (await vault.status()).peers.find((one) => one.peer === name);

test('a record goes from tablet to tablet by the hub, and then to the cloud', async () => {
  await join(noors, 'noor');
  await join(samis, 'sami');
  expect(await noors.peers.hubs()).toHaveLength(1);
  const patient = await noors.table('patients').create({ ...PATIENT, given_name: 'سلمى 👶' });
  await noors.table('visits').create({ patient_id: patient, clinic_id: hub.said.clinic_id });
  expect(await standing(noors, patient)).toMatchObject({ standing: 'here_only', takenBy: [] });

  const heard: SyncProgress[] = [];
  const report = await noors.sync({ peer, onProgress: (progress) => heard.push(progress) });
  expect(report).toMatchObject({ peer, pushed: 2 });
  await until(() => heard.at(-1)?.phase === 'finished');
  expect(heard[0]?.phase).toBe('pulling');
  expect(heard.map(({ phase }) => phase)).toContain('pushing');
  expect(new Set(heard.map((progress) => progress.peer))).toEqual(new Set([peer]));
  expect(await standing(noors, patient)).toMatchObject({ standing: 'on_hub', takenBy: [peer] });
  // the hub's word does not take it from the cloud
  expect(await peerOf(noors, 'cloud')).toMatchObject({ lastSuccessMs: null });
  expect((await noors.status()).pending).toBe(2);

  const seen: string[] = [];
  const stop = samis
    .table('visits')
    .query((q) => q.include('patient_id'))
    .observe((rows) => seen.push(...rows.map((row) => String(row.$related.patient_id?.given_name))));
  expect((await samis.sync({ peer })).inserted).toBeGreaterThanOrEqual(2);
  await until(() => seen.includes('سلمى 👶'));
  stop();

  await noors.signIn(cloud.noor);
  expect((await noors.sync()).pushed).toBe(2);
  expect(await standing(noors, patient)).toMatchObject({ standing: 'in_cloud' });
  expect(await noors.status()).toMatchObject({ pending: 0, quarantined: 0 });
  expect(await peerOf(noors, peer)).toMatchObject({ pending: [], failures: 0, lastError: null });
});

test('a conflict keeps both values, and is undone', async () => {
  await join(noors, 'noor');
  await join(samis, 'sami');
  const patient = await noors.table('patients').create(PATIENT);
  await noors.sync({ peer });
  await samis.sync({ peer });
  await noors.table('patients').update(patient, { phone: '111' });
  await samis.table('patients').update(patient, { phone: '222' });
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
  expect(await samis.table('patients').find(patient)).toMatchObject({ phone: '222' });
  expect(await samis.peers.undoConflict(conflict?.id ?? 0)).toBe(patient);
  expect((await samis.status()).conflicts).toBe(0);
  await samis.sync({ peer });
  await noors.sync({ peer });
  for (const vault of [noors, samis]) {
    expect(await vault.table('patients').find(patient)).toMatchObject({ phone: '111' });
  }
});

test('a record that is refused is put aside with its reason until it is mended', async () => {
  await noors.signIn(cloud.noor);
  await noors.table('patients').create(PATIENT);
  const bad = await noors.table('patients').create({ given_name: 'Bad', primary_clinic_id: NOWHERE });
  await noors.table('visits').create({ patient_id: bad, clinic_id: cloud.clinic });
  expect(await noors.sync()).toMatchObject({ pushed: 1, quarantined: 1, waiting: 1 });
  const [aside] = await noors.peers.quarantined();
  expect(aside).toMatchObject({ peer: 'cloud', table: 'patients', recordId: bad, waiting: 1 });
  expect(aside?.reason).toBe('the peer refuses this record');
  expect(await standing(noors, bad)).toMatchObject({
    standing: 'here_only',
    refusedBy: [{ peer: 'cloud', reason: aside?.reason }],
  });
  expect(await noors.status()).toMatchObject({ quarantined: 1 });
  // tried again as it is, it is refused again while others are taken: alone it would be an outage
  await noors.table('patients').create(PATIENT);
  await noors.peers.release('patients', bad);
  expect(await noors.peers.quarantined()).toEqual([]);
  expect(await noors.sync()).toMatchObject({ pushed: 1, quarantined: 1 });
  expect(await noors.peers.releaseAll()).toBe(1);
  await noors.table('patients').update(bad, { primary_clinic_id: cloud.clinic });
  expect(await noors.sync()).toMatchObject({ pushed: 2, quarantined: 0 });
  expect(await standing(noors, bad)).toMatchObject({ standing: 'in_cloud' });
});

test('a sync is cancelled by its signal in the middle of a pull, and loses nothing', async () => {
  await join(noors, 'noor');
  const patient = await noors.table('patients').create(PATIENT);
  await setFaults(hub.said.url, { hold_pull_after: 64 });
  try {
    const controller = new AbortController();
    const onProgress = ({ phase }: SyncProgress) => {
      if (phase === 'pulling') controller.abort();
    };
    const { signal } = controller;
    expect(await codeOf(noors.sync({ peer, signal, onProgress }))).toBe('cancelled');
    expect(signal.aborted).toBe(true);
  } finally {
    await setFaults(hub.said.url, { clear: true, release: true });
  }
  expect(await standing(noors, patient)).toMatchObject({ standing: 'here_only' });
  expect((await noors.sync({ peer })).pushed).toBe(1);
  expect(await standing(noors, patient)).toMatchObject({ standing: 'on_hub' });
});

test('only who holds the key of the code is the hub', async () => {
  const other = await startPeer(required('AMANA_LIB_DIR'), 'hub', '--private-key', 'M'.padEnd(43, 'A'));
  try {
    for (const text of ['', hub.said.url, '{"type":"sync_hub"}']) {
      expect(await codeOf(noors.peers.pairHub(text))).toBe('invalid_input');
    }
    const elsewhere = hub.said.qr.replace(hub.said.url, other.said.url);
    expect(await codeOf(noors.peers.pairHub(elsewhere))).toBe('peer_identity_mismatch');
    expect(await noors.peers.hubs()).toEqual([]);
    await join(noors, 'noor');
    await noors.peers.moveHub(peer, other.said.url);
    expect(await codeOf(noors.sync({ peer }))).toBe('peer_identity_mismatch');
    expect(await peerOf(noors, peer)).toMatchObject({ failures: 1, lastError: 'peer_identity_mismatch' });
    await noors.peers.moveHub(peer, hub.said.url);
    await noors.sync({ peer });
    await noors.peers.forget(peer);
    expect(await noors.peers.hubs()).toEqual([]);
    expect(await codeOf(noors.sync({ peer }))).toBe('not_found');
  } finally {
    await other.end();
  }
});
