import type { VaultConfig } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, until } from './harness.ts';

const PIN = '4711';

export function lifeContract(harness: Harness): void {
  test('a device vault opens, locks and unlocks, and tells of it', async () => {
    const vault = await openVault({ name: freshName() });
    const states: string[] = [];
    const stop = vault.onState((state) => states.push(state));
    expect(vault.state).toBe('unlocked');
    await vault.lock();
    expect(vault.state).toBe('locked');
    expect(await codeOf(vault.table('patients').query().page())).toBe('locked');
    expect(await codeOf(() => vault.storage.getItemSync('k'))).toBe('locked');
    await vault.lock();
    await vault.unlock();
    expect(vault.state).toBe('unlocked');
    // that it was opened may be told only now
    await until(() => states.includes('locked') && states.at(-1) === 'unlocked');
    expect(states.slice(-2)).toEqual(['locked', 'unlocked']);
    stop();
    await vault.close();
  });

  test('what is stored outlives lock and close', async () => {
    const name = freshName();
    const vault = await openVault({ name });
    await vault.storage.setItem('language', 'ar');
    await vault.lock();
    await vault.unlock();
    expect(vault.storage.getItemSync('language')).toBe('ar');
    await vault.close();
    expect(vault.state).toBe('closed');
    await vault.close();
    const again = await openVault({ name });
    expect(again).not.toBe(vault);
    expect(await again.storage.getItem('language')).toBe('ar');
    await again.close();
  });

  test('a second open of a name is the same vault, with the same configuration alone', async () => {
    const name = freshName();
    const [one, two] = await Promise.all([openVault({ name }), openVault({ name })]);
    expect(two).toBe(one);
    expect(await codeOf(openVault({ name, idleLockMs: 1000 }))).toBe('invalid_input');
    await one.close();
  });

  test('every call of a closed vault is closed', async () => {
    const vault = await openVault({ name: freshName() });
    await vault.close();
    const calls: (() => Promise<unknown>)[] = [
      () => vault.unlock(),
      () => vault.lock(),
      () => vault.status(),
      () => vault.glance(),
      () => vault.storage.getItem('k'),
      () => vault.storage.setItem('k', 'v'),
      () => vault.table('patients').create({}),
      () => vault.table('patients').find('x'),
      () => vault.table('patients').query().count(),
      () => vault.keys.slots(),
      () => vault.sync(),
      () => vault.wipe(),
    ];
    for (const call of calls) expect(await codeOf(call())).toBe('closed');
    expect(await codeOf(() => vault.storage.getItemSync('k'))).toBe('closed');
    expect(await codeOf(() => vault.table('patients').findSync('x'))).toBe('closed');
  });

  test('names and configurations are checked', async () => {
    for (const name of ['', 'A', '../x', 'a b', '1a', 'x'.repeat(49)]) {
      expect(await codeOf(openVault({ name }))).toBe('invalid_input');
    }
    const odd = { name: freshName(), colour: 'red' } as object;
    expect(await codeOf(openVault(odd))).toBe('invalid_input');
    expect(await codeOf(openVault(null as never))).toBe('invalid_input');
    expect(await codeOf(openVault({ name: freshName(), schema: {} }))).toBe('invalid_input');
    const tables = [{ name: 'users', direction: 'both', columns: [{ name: 'id', role: 'id' }] }];
    const never = { version: 1, tables };
    expect(await codeOf(openVault({ name: freshName(), schema: never }))).toBe('invalid_input');
    for (const connectMs of [0, 1.5, 86_400_001]) {
      const sync = { timeLimits: { connectMs } };
      expect(await codeOf(openVault({ name: freshName(), sync }))).toBe('invalid_input');
    }
    const patient = await openVault({ name: freshName(), sync: { timeLimits: { wholeMs: 86_400_000 } } });
    await patient.close();
  });

  test('a person vault is made for its first person and opens with a PIN alone', async () => {
    const vault = await openVault({ name: freshName(), policy: 'person' });
    expect(vault.state).toBe('locked');
    expect((await vault.glance()).presence).toBe('nothing');
    await vault.create({ person: 'amal', pin: PIN });
    expect(vault.state).toBe('unlocked');
    expect(await vault.glance()).toMatchObject({ presence: 'vault', policy: 'person' });
    await vault.keys.addPin('basma', new Uint8Array([52, 55, 49, 50]));
    const { slots, proven } = await vault.keys.slots();
    expect(slots.map((slot) => [slot.kind, slot.person]).sort()).toEqual([
      ['pin', 'amal'],
      ['pin', 'basma'],
    ]);
    expect(proven).toBe(true);

    await vault.lock();
    expect((await vault.keys.slots()).proven).toBe(false);
    expect(await codeOf(vault.unlock({ person: 'amal', pin: '0000' }))).toBe('wrong_pin');
    expect((await vault.keys.pinStanding('amal')).failures).toBe(1);
    expect((await vault.refusal())?.code).toBe('wrong_pin');
    expect(await codeOf(vault.unlock({ person: 'nobody', pin: PIN }))).toBe('not_found');
    await vault.unlock({ person: 'basma', pin: '4712' });
    await vault.keys.changePin('basma', '4712', '999999');
    await vault.keys.resetPin('amal', '1234');
    await vault.lock();
    expect(await codeOf(vault.unlock({ person: 'basma', pin: '4712' }))).toBe('wrong_pin');
    await vault.unlock({ person: 'basma', pin: '999999' });
    expect(await vault.refusal()).toBeNull();

    await vault.keys.removePin('amal');
    expect(await codeOf(vault.keys.removePin('basma'))).toBe('invalid_input');
    await vault.close();
  });

  test('five wrong PINs cost a delay', async () => {
    const vault = await openVault({ name: freshName(), policy: 'person' });
    await vault.create({ person: 'amal', pin: PIN });
    await vault.lock();
    for (let i = 0; i < 5; i++) {
      expect(await codeOf(vault.unlock({ person: 'amal', pin: '0000' }))).toBe('wrong_pin');
    }
    const refused = await vault.unlock({ person: 'amal', pin: PIN }).catch((e: unknown) => e);
    expect(refused).toMatchObject({ code: 'pin_delayed', retryable: true });
    expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
    expect((await vault.keys.pinStanding('amal')).delayMs).toBeGreaterThan(0);
    if (harness.advance !== undefined) {
      harness.advance(31_000);
      await vault.unlock({ person: 'amal', pin: PIN });
      expect((await vault.keys.pinStanding('amal')).failures).toBe(0);
    }
    await vault.close();
  });

  test('the policy of a vault is for good', async () => {
    const name = freshName();
    const vault = await openVault({ name });
    expect(await codeOf(vault.keys.addPin('amal', PIN))).toBe('invalid_input');
    await vault.close();
    expect(await codeOf(openVault({ name, policy: 'person' }))).toBe('invalid_input');
    const again = await openVault({ name });
    expect(again.state).toBe('unlocked');
    await again.close();
  });

  test('wipe leaves nothing, and the next open is a first run', async () => {
    const name = freshName();
    const vault = await openVault({ name });
    await vault.storage.setItem('k', 'v');
    await vault.wipe();
    expect(vault.state).toBe('closed');
    const again = await openVault({ name });
    expect(await again.storage.getItem('k')).toBeNull();
    await again.close();
  });

  test('the same configuration, however it is written, is the same vault', async () => {
    const name = freshName();
    const vault = await openVault({ name, policy: 'device' });
    const again = await openVault({ policy: 'device', schema: undefined, name });
    expect(again).toBe(vault);
    await vault.close();
  });

  test('the same of nested members: their order, and what is undefined, says nothing', async () => {
    const name = freshName();
    const pins = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')];
    const vault = await openVault({
      name,
      keyStore: { strict: false, strongBox: false },
      cloudPins: { pins, expiresMs: 1_000 },
      sync: { lastWord: 'cloud', conflicts: 'local', tables: { patients: 'remote', visits: 'latest' } },
    });
    const again: VaultConfig = {
      sync: {
        tables: { visits: 'latest', patients: 'remote' },
        hubFullPullDays: undefined,
        conflicts: 'local',
        lastWord: 'cloud',
      } as never,
      cloudPins: { expiresMs: 1_000, reportOnly: undefined, pins },
      keyStore: { strongBox: false, strict: false },
      name,
    };
    expect(await openVault(again)).toBe(vault);
    const others: VaultConfig[] = [
      { ...again, keyStore: { strict: true, strongBox: false } },
      { ...again, keyStore: { strict: false } },
      { ...again, cloudPins: { pins: [...pins].reverse(), expiresMs: 1_000 } },
    ];
    for (const other of others) expect(await codeOf(openVault(other))).toBe('invalid_input');
    await vault.close();
  });

  test('a vault can be put aside, whole, once the loss is acknowledged', async () => {
    const vault = await openVault({ name: freshName(), policy: 'person' });
    await vault.create({ person: 'amal', pin: PIN });
    await vault.lock();
    expect(await codeOf(vault.quarantine({ unsynced: 77 }))).toBe('invalid_input');
    const { unsynced } = await vault.glance();
    const aside = await vault.quarantine({ unsynced });
    expect(await vault.quarantined()).toEqual([aside]);
    await vault.close();
  });

  test('a report for support holds no name and no value', async () => {
    const vault = await openVault({ name: freshName() });
    await vault.storage.setItem('canary-key', 'canary-value');
    await vault.table('patients').create({ given_name: 'canary-name' });
    expect(JSON.stringify(await vault.diagnose())).not.toContain('canary');
    expect((await vault.integrity())?.damagedTrees ?? 0).toBe(0);
    await vault.keys.rotateRootKey();
    await vault.close();
  });
}
