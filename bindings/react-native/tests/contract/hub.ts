/** A hub: pairing, signing in, whose turn it is, who it is, and where. */
import type { SyncProgress } from '../../src/index.ts';
import { aClinic, patients, peerOf, standing } from './clinic.ts';
import type { Harness, HubSide } from './harness.ts';
import { codeOf, NOBODY, PATIENT, until } from './harness.ts';

const A_NUMBER: unknown = expect.any(Number);

export function hubContract(harness: Harness): void {
  const clinic = aClinic(harness);
  if (clinic === null) return;
  const { cloud, tablet, join, atCloud } = clinic;
  let hub: HubSide;
  let peer: string;
  beforeEach(() => {
    ({ hub, peer } = clinic);
  });

  test('a hub is paired by its code, and who signs in there is a person of the clinic', async () => {
    const vault = await tablet();
    const paired = { peer, name: hub.name, url: hub.url };
    expect(await vault.peers.pairHub(hub.qr)).toEqual(paired);
    expect(await vault.peers.hubs()).toEqual([paired]);
    expect(await peerOf(vault, peer)).toMatchObject({
      syncing: false,
      cursor: 0,
      lastSuccessMs: null,
      lastError: null,
      failures: 0,
      pending: [],
    });
    expect(await codeOf(vault.sync({ peer }))).toBe('not_signed_in');
    const [{ email, password }] = hub.people;
    const wrong = vault.peers.signInAtHub({ peer, email, password: `${password}!` });
    expect(await codeOf(wrong)).toBe('unauthorized');
    expect((await vault.status()).person).toBeNull();
    const person = await vault.peers.signInAtHub({ peer, email, password });
    expect(person).toMatchObject({ clinicId: hub.clinic });
    expect(await vault.status()).toMatchObject({ person, url: null });
    // who is known to a hub alone is not signed in at the cloud
    expect(await codeOf(vault.sync())).toBe('not_signed_in');
    await vault.signOut();
    expect(await codeOf(vault.sync({ peer }))).toBe('not_signed_in');
    expect(await vault.peers.hubs()).toEqual([paired]);
    // who is signed in at the cloud stays so
    await atCloud(vault);
    const { person: known } = await vault.status();
    expect(await vault.peers.signInAtHub({ peer, email, password })).toEqual(known);
    expect(await vault.status()).toMatchObject({ person: known, url: cloud.url });
  });

  test('a sync is cancelled by its signal in the middle of a pull, and loses nothing', async () => {
    const vault = await join(await tablet());
    const patient = await patients(vault).create(PATIENT);
    const release = await hub.holdPull();
    try {
      const controller = new AbortController();
      const onProgress = ({ phase }: SyncProgress) => {
        if (phase === 'pulling') controller.abort();
      };
      const { signal } = controller;
      expect(await codeOf(vault.sync({ peer, signal, onProgress }))).toBe('cancelled');
      expect(signal.aborted).toBe(true);
    } finally {
      await release();
    }
    expect(await peerOf(vault, peer)).toMatchObject({ failures: 0, lastAttemptMs: null });
    expect(await standing(vault, patient)).toMatchObject({ standing: 'here_only' });
    expect((await vault.sync({ peer })).pushed).toBe(1);
    expect(await standing(vault, patient)).toMatchObject({ standing: 'on_hub' });
  });

  test('a second call joins a sync, and one for everything is run behind it', async () => {
    const vault = await join(await tablet());
    await vault.sync({ peer });
    const release = await hub.holdPull();
    const heard: string[] = [];
    const first = vault.sync({ peer, onProgress: ({ phase }) => heard.push(phase) });
    await until(() => heard.includes('pulling'));
    expect(await peerOf(vault, peer)).toMatchObject({ syncing: true });
    expect(await peerOf(vault, 'cloud')).toMatchObject({ syncing: false });
    const [second, full] = [vault.sync({ peer }), vault.sync({ peer, fullPull: true })];
    await release();
    expect(await second).toEqual(await first);
    expect((await full).pulled).toBeGreaterThanOrEqual((await second).pulled);
    expect((await vault.status()).syncing).toBe(false);
  });

  test('who waits for another call of sync gives up alone', async () => {
    const vault = await join(await tablet());
    await vault.sync({ peer });
    const id = await patients(vault).create(PATIENT);
    const release = await hub.holdPull();
    const heard: string[] = [];
    const first = vault.sync({ peer, onProgress: ({ phase }) => heard.push(phase) });
    await until(() => heard.includes('pulling'));
    for (const fullPull of [false, true]) {
      const controller = new AbortController();
      const waits = codeOf(vault.sync({ peer, fullPull, signal: controller.signal }));
      controller.abort();
      expect(await waits).toBe('cancelled');
    }
    expect(await peerOf(vault, peer)).toMatchObject({ syncing: true });
    await release();
    expect(await first).toMatchObject({ pushed: 1 });
    expect(await standing(vault, id)).toMatchObject({ standing: 'on_hub' });
    expect(await peerOf(vault, peer)).toMatchObject({ failures: 0, lastError: null });
  });

  test('only who holds the key of the code is the hub', async () => {
    const vault = await tablet();
    for (const text of ['', hub.url, '{"type":"sync_hub"}', 'null', '{"type":"other"}', cloud.url]) {
      expect([text, await codeOf(vault.peers.pairHub(text))]).toEqual([text, 'invalid_input']);
    }
    const elsewhere = hub.qr.replace(hub.url, hub.impostor);
    expect(await codeOf(vault.peers.pairHub(elsewhere))).toBe('peer_identity_mismatch');
    expect(await codeOf(vault.peers.pairHub(hub.qr.replace(hub.url, NOBODY)))).toBe('network');
    expect(await vault.peers.hubs()).toEqual([]);
    await join(vault);
    await vault.peers.moveHub(peer, hub.impostor);
    expect(await codeOf(vault.sync({ peer }))).toBe('peer_identity_mismatch');
    // no time makes it the hub
    expect(await peerOf(vault, peer)).toMatchObject({
      failures: 1,
      lastError: 'peer_identity_mismatch',
      nextTryMs: null,
    });
    expect(await vault.peers.hubs()).toMatchObject([{ url: hub.impostor }]);
    await vault.peers.moveHub(peer, hub.url);
    await vault.sync({ peer });
    expect(await peerOf(vault, peer)).toMatchObject({ failures: 0, lastError: null });
  });

  test('where a hub has the last word a device has one hub', async () => {
    const code = JSON.parse(hub.qr.replace(hub.url, NOBODY)) as Record<string, string>;
    const another = JSON.stringify({ ...code, id: 'another' });
    for (const [lastWord, answer] of [
      ['cloud', 'network'],
      ['hub', 'invalid_input'],
    ] as const) {
      const vault = await join(await tablet({ sync: { lastWord } }));
      expect(await codeOf(vault.peers.pairHub(another))).toBe(answer);
      expect(await vault.peers.pairHub(hub.qr)).toMatchObject({ peer });
      await vault.peers.forget(peer);
      expect(await codeOf(vault.peers.pairHub(another))).toBe('network');
    }
  });

  test('addresses of hubs are those of a private network', async () => {
    const vault = await join(await tablet());
    for (const url of [
      'https://192.168.1.1',
      'http://hub.local:4001',
      'http://8.8.8.8:4001',
      'http://192.168.1.1/path',
      'http://a@192.168.1.1',
      'nothing',
    ]) {
      expect([url, await codeOf(vault.peers.moveHub(peer, url))]).toEqual([url, 'invalid_input']);
    }
    await vault.peers.moveHub(peer, 'http://10.0.0.1:4001/');
    expect(await vault.peers.hubs()).toMatchObject([{ url: 'http://10.0.0.1:4001' }]);
    expect(await codeOf(vault.peers.moveHub('hub:none', hub.url))).toBe('not_found');
    expect(await codeOf(vault.peers.moveHub('nobody', hub.url))).toBe('invalid_input');
    expect(await codeOf(vault.sync({ peer: 'nobody' }))).toBe('invalid_input');
    expect(await codeOf(vault.sync({ peer: 'hub:none' }))).toBe('not_found');
  });

  test('a hub that is paired once more has another address alone; with another key it is refused', async () => {
    const vault = await join(await tablet());
    const id = await patients(vault).create(PATIENT);
    await vault.sync({ peer });
    await vault.peers.moveHub(peer, NOBODY);
    expect(await vault.peers.pairHub(hub.qr)).toMatchObject({ peer, url: hub.url });
    expect(await standing(vault, id)).toMatchObject({ standing: 'on_hub' });
    const code = JSON.parse(hub.qr) as Record<string, string>;
    const other = JSON.stringify({ ...code, pk: 'hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo' });
    expect(await codeOf(vault.peers.pairHub(other))).toBe('invalid_input');
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 0 });
  });

  test('a hub that is forgotten takes nothing along, and is sent all of it once it is known again', async () => {
    const vault = await join(await tablet());
    const id = await patients(vault).create(PATIENT);
    await vault.sync({ peer });
    await vault.peers.forget(peer);
    expect(await vault.peers.hubs()).toEqual([]);
    expect(await peerOf(vault, peer)).toBeUndefined();
    expect(await codeOf(vault.sync({ peer }))).toBe('not_found');
    expect(await patients(vault).find(id)).toMatchObject(PATIENT);
    expect(await standing(vault, id)).toMatchObject({ standing: 'here_only', takenBy: [] });
    expect((await vault.status()).pending).toBe(1);
    await vault.peers.forget('hub:none');
    await join(vault);
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 1 });
    expect(await standing(vault, id)).toMatchObject({ standing: 'on_hub', takenBy: [peer] });
  });

  test('a hub that cannot be reached is tried by hand at any time, and says when it makes sense', async () => {
    const vault = await join(await tablet());
    await patients(vault).create(PATIENT);
    await vault.peers.moveHub(peer, NOBODY);
    for (const failures of [1, 2]) {
      const began = (await peerOf(vault, peer))?.nextTryMs ?? null;
      expect(began === null).toBe(failures === 1);
      expect(await codeOf(vault.sync({ peer }))).toBe('network');
      const after = await peerOf(vault, peer);
      expect(after).toMatchObject({ failures, lastError: 'network', lastSuccessMs: null });
      const wait = Number(after?.nextTryMs) - Number(after?.lastAttemptMs);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(30_000 * failures);
    }
    expect(await peerOf(vault, 'cloud')).toMatchObject({ failures: 0, nextTryMs: null });
    await vault.peers.moveHub(peer, hub.url);
    expect(await vault.sync({ peer })).toMatchObject({ pushed: 1 });
    const after = { failures: 0, lastError: null, nextTryMs: null, lastSuccessMs: A_NUMBER };
    expect(await peerOf(vault, peer)).toMatchObject(after);
  });
}
