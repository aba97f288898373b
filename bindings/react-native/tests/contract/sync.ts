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
    expect(await vault.peers.list()).toEqual([]);
    const http = { url: 'http://clinic.example', email: 'a@b.c', password: 'p' };
    expect(await codeOf(vault.signIn(http))).toBe('invalid_input');
  });

  test('a cancelled call is cancelled before it begins', async () => {
    const controller = new AbortController();
    controller.abort();
    expect(await codeOf(vault.sync({ signal: controller.signal }))).toBe('cancelled');
  });

  test('a local edit waits for the cloud', async () => {
    const id = await vault.table('patients').create(PATIENT);
    expect((await vault.status()).pendingByTable).toEqual([{ table: 'patients', pending: 1 }]);
    expect(await vault.peers.standing('patients', id)).toMatchObject({ localOnly: true, heldBy: [] });
    expect(await vault.peers.conflicts()).toEqual([]);
    expect(await vault.peers.quarantined()).toEqual([]);
    expect(await vault.peers.silentRefusals()).toEqual([]);
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
    expect((await vault.status()).pending).toBe(0);
    expect(await vault.peers.standing('patients', id)).toMatchObject({ heldBy: ['cloud'] });
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
