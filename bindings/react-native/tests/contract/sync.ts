import type { SyncProgress, Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, PATIENT } from './harness.ts';

export function syncContract(harness: Harness): void {
  let vault: Vault;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
  });
  afterEach(() => vault.close());

  test('without a sign-in there is no sync', async () => {
    expect(await codeOf(vault.sync())).toBe('not_signed_in');
    const status = await vault.status();
    expect(status).toMatchObject({ person: null, pending: 0, quarantined: 0, conflicts: 0 });
    expect(await vault.peers.hubs()).toEqual([]);
    expect(await codeOf(vault.peers.moveHub('hub:none', 'http://10.0.0.1:4001'))).toBe('not_found');
    const http = { url: 'http://clinic.example', email: 'a@b.c', password: 'p' };
    expect(await codeOf(vault.signIn(http))).toBe('invalid_input');
  });

  test('a cancelled call is cancelled before it begins', async () => {
    const controller = new AbortController();
    controller.abort();
    expect(await codeOf(vault.sync({ signal: controller.signal }))).toBe('cancelled');
  });

  test('a call that is given up in the same tick is cancelled', async () => {
    const controller = new AbortController();
    const url = harness.silent?.() ?? 'https://127.0.0.1:1';
    const cloud = { url, email: 'a@b.c', password: 'p' };
    const call = codeOf(vault.signIn({ ...cloud, signal: controller.signal }));
    controller.abort();
    expect(await call).toBe('cancelled');
  });

  test('a local edit waits for the cloud', async () => {
    const id = await vault.table('patients').create(PATIENT);
    expect(await vault.status()).toMatchObject({ pending: 1, quarantined: 0, syncing: false });
    expect(await vault.peers.standing('patients', id)).toMatchObject({
      standing: 'here_only',
      deleted: false,
      takenBy: [],
      refusedBy: [],
    });
    expect(await vault.peers.conflicts()).toEqual([]);
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.peers.releaseAll()).toBe(0);
    expect(await codeOf(vault.peers.undoConflict(1))).toBe('not_found');
  });

  if (harness.cloud === undefined) return;
  const { url, ca, email, password } = harness.cloud;
  const credentials = { url, email, password, ...(ca === undefined ? {} : { privateCaPem: ca }) };

  test('two tablets hold the same after a sync of both', async () => {
    const other = await openVault({ name: freshName() });
    await vault.signIn(credentials);
    await other.signIn(credentials);
    const id = await vault.table('patients').create(PATIENT);
    const progress: SyncProgress[] = [];
    const report = await vault.sync({ onProgress: (p) => progress.push(p) });
    expect(report.pushed).toBe(1);
    expect(progress.length).toBeGreaterThan(0);
    const status = await vault.status();
    expect(status).toMatchObject({ pending: 0, url });
    expect(status.peers[0]).toMatchObject({ peer: 'cloud', failures: 0, lastError: null });
    expect(await vault.peers.standing('patients', id)).toMatchObject({ standing: 'in_cloud' });
    await other.sync();
    expect(await other.table('patients').find(id)).toMatchObject(PATIENT);
    await other.table('patients').update(id, { surname: 'Haddad' });
    await other.sync();
    await vault.sync();
    expect(await vault.table('patients').find(id)).toMatchObject({ surname: 'Haddad' });
    await vault.signOut();
    expect(await codeOf(vault.sync())).toBe('not_signed_in');
    await other.close();
  });
}
