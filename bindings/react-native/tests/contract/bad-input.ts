import type { Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName } from './harness.ts';

/** What no text is. */
const NO_TEXTS = [undefined, null, NaN, 2 ** 53 + 1, 5, true, {}, [], Symbol('x'), () => 1];
const LONE = 'half \ud83d of a character';
const LARGE = 'x'.repeat(20_000_000);

export function badInputContract(_harness: Harness): void {
  let vault: Vault;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
  });
  afterEach(() => vault.close());

  /** Every call that takes a text, with that text to be given. */
  const texts = (): Record<string, (text: never) => unknown> => ({
    getItem: (text) => vault.storage.getItem(text),
    getItemSync: (text) => vault.storage.getItemSync(text),
    'setItem key': (text) => vault.storage.setItem(text, 'v'),
    'setItem value': (text) => vault.storage.setItem('k', text),
    removeItem: (text) => vault.storage.removeItem(text),
    mergeItem: (text) => vault.storage.mergeItem('k', text),
    multiGet: (text) => vault.storage.multiGet([text]),
    multiGetSync: (text) => vault.storage.multiGetSync([text]),
    'multiSet key': (text) => vault.storage.multiSet([[text, 'v']]),
    'multiSet value': (text) => vault.storage.multiSet([['k', text]]),
    multiRemove: (text) => vault.storage.multiRemove([text]),
    namespace: (text) => vault.storage.namespace(text).getItem('k'),
    compareAndSet: (text) => vault.storage.compareAndSet(text, null, 'v'),
    table: (text) => vault.table(text).query().page(),
    find: (text) => vault.table('patients').find(text),
    findSync: (text) => vault.table('patients').findSync(text),
    update: (text) => vault.table('patients').update(text, {}),
    delete: (text) => vault.table('patients').delete(text),
    'where column': (text) => vault.table('patients').query((q) => q.where(text, 'isNull', true)).page(),
    'where value': (text) =>
      vault.table('patients').query((q) => q.where('camp', 'contains', text)).page(),
    'unlock person': (text) => vault.unlock({ person: text, pin: '1234' }),
    'unlock pin': (text) => vault.unlock({ person: 'amal', pin: text }),
    'signIn url': (text) => vault.signIn({ url: text, email: 'e', password: 'p' }),
    'signIn password': (text) => vault.signIn({ url: 'https://x.example', email: 'e', password: text }),
    standing: (text) => vault.peers.standing('patients', text),
    pairHub: (text) => vault.peers.pairHub(text),
    signInAtHub: (text) => vault.peers.signInAtHub({ peer: text, email: 'e', password: 'p' }),
  });

  test('what is no text is refused', async () => {
    for (const [name, call] of Object.entries(texts())) {
      for (const value of NO_TEXTS) {
        const code = await codeOf(() => call(value as never));
        expect([name, typeof value, code]).toEqual([name, typeof value, 'invalid_input']);
      }
    }
  });

  test('a lone surrogate is refused, not replaced', async () => {
    for (const [name, call] of Object.entries(texts())) {
      expect([name, await codeOf(() => call(LONE as never))]).toEqual([name, 'invalid_input']);
    }
    for (const fields of [{ given_name: LONE }, { metadata: { deep: [LONE] } }, { [LONE]: 'x' }]) {
      expect(await codeOf(vault.table('patients').create(fields))).toBe('invalid_input');
    }
  });

  test('20 MB of text are refused', async () => {
    for (const [name, call] of Object.entries(texts())) {
      const code = await codeOf(() => call(LARGE as never));
      expect([name, ['invalid_input', 'value_too_large', 'not_found'].includes(code)]).toEqual([name, true]);
    }
    expect(await codeOf(vault.storage.setItem('k', LARGE))).toBe('value_too_large');
    expect(await codeOf(vault.table('patients').create({ given_name: LARGE }))).toBe('value_too_large');
    expect(await codeOf(vault.storage.set('k', new Uint8Array(20_000_000)))).toBe('value_too_large');
  });

  test('data that JSON would change in silence is refused', async () => {
    const values = [undefined, NaN, Infinity, 2 ** 53 + 1, 10n, new Date(), new Map(), () => 1, Symbol('x')];
    for (const value of values) {
      const create = vault.table('patients').create({ metadata: { value } } as never);
      expect(await codeOf(create)).toBe('invalid_input');
      expect(await codeOf(vault.table('patients').create({ camp: value } as never))).toBe('invalid_input');
    }
    const endless: { self?: unknown } = {};
    endless.self = endless;
    expect(await codeOf(vault.table('patients').create({ metadata: endless } as never))).toBe(
      'invalid_input'
    );
    for (const fields of [undefined, null, 5, 'text', []]) {
      expect(await codeOf(vault.table('patients').create(fields as never))).toBe('invalid_input');
    }
  });

  test('numbers out of range are refused', async () => {
    for (const number of [NaN, -1, 1.5, 2 ** 53, Infinity, '1', null]) {
      const n = number as never;
      const query = () => vault.table('patients').query((q) => q.limit(n));
      expect(await codeOf(query)).toBe('invalid_input');
      expect(await codeOf(() => vault.storage.keysSync('', n))).toBe('invalid_input');
      expect(await codeOf(vault.peers.conflicts(n))).toBe('invalid_input');
      expect(await codeOf(vault.peers.undoConflict(n))).toBe('invalid_input');
    }
  });

  test('PINs too short, too long and of no bytes are refused', async () => {
    for (const pin of ['', '123', 'x'.repeat(129), new Uint8Array(0), [1, 2, 3, 4]]) {
      const unlock = vault.unlock({ person: 'amal', pin: pin as never });
      expect(await codeOf(unlock)).toBe('invalid_input');
    }
    expect(await codeOf(vault.unlock(5 as never))).toBe('invalid_input');
  });

  test('a recovery key that is none is refused, also where the vault is there already', async () => {
    const name = freshName();
    for (const recoveryKey of ['', 'no base64', 'AAAA', 'half \ud83d of it', 'A'.repeat(48)]) {
      expect(await codeOf(openVault({ name, recoveryKey }))).toBe('invalid_input');
    }
    expect(await codeOf(openVault({ name, recoveryKey: 5 as never }))).toBe('invalid_input');
    await (await openVault({ name })).close();
    expect(await codeOf(openVault({ name, recoveryKey: 'AAAA' }))).toBe('invalid_input');
  });
}
