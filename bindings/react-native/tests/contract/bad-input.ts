/** What no app should give is refused with a code, for each method of the contract. */
import { inspect } from 'node:util';

import type { Vault } from '../../src/index.ts';
import { attachVault, openVault } from '../../src/index.ts';
import { native, setNative } from '../../src/native.ts';
import type { Spec } from '../../src/NativeAmana.ts';
import type { Cases, Kind, MethodName } from './bad-input-cases.ts';
import { BAD, casesOf, LARGE, LONE } from './bad-input-cases.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName } from './harness.ts';
import { methods } from './spec.ts';

/** What a call came to: its code, or `done`. Fails for an error that is none of Amana's. */
async function outcomeOf(call: () => unknown): Promise<string> {
  let done = false;
  const code = codeOf(async () => {
    await call();
    done = true;
    throw new Error('done');
  });
  return code.catch((error: unknown) => {
    if (done) return 'done';
    throw error;
  });
}

/** The module, and which of its methods were asked for. */
function recorded(module: Spec, asked: Set<string>): Spec {
  return new Proxy(module, {
    get: (target, name) => {
      asked.add(String(name));
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

export function badInputContract(_harness: Harness): void {
  let vault: Vault;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
  });
  afterEach(() => vault.close());

  const all = () => Object.entries(casesOf(vault)) as [MethodName, Cases][];

  test('every method of the contract has its cases, and they reach it', async () => {
    expect(methods.length).toBeGreaterThan(60);
    expect(all().map(([name]) => name).sort()).toEqual(methods.map(({ name }) => name).sort());
    const asked = new Set<string>();
    setNative(recorded(native(), asked));
    for (const [name, { reach }] of all()) {
      asked.clear();
      await outcomeOf(reach);
      expect([name, asked.has(name)]).toEqual([name, true]);
    }
    // and a parameter that is none of the handle, of what cancels, and of what a page goes on from
    const given = methods.filter(({ params }) =>
      params.some(({ name }) => !['handle', 'operation', 'after', 'limit'].includes(name))
    );
    const cases = casesOf(vault);
    const without = given.filter(({ name }) => cases[name as MethodName].bad === undefined);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test('what is none of its kind is refused', async () => {
    for (const [method, { bad = {} }] of all()) {
      for (const [what, call] of Object.entries(bad)) {
        const kind = what.slice(what.indexOf(': ') + 2) as Kind;
        for (const value of BAD[kind]) {
          const said = await outcomeOf(() => call(value as never));
          const shown = inspect(value).slice(0, 40);
          // a text of 20 MB may be refused as what it is, too
          const isTooLarge = value === LARGE && said === 'value_too_large';
          const code = isTooLarge ? said : 'invalid_input';
          expect([method, what, shown, said]).toEqual([method, what, shown, code]);
        }
      }
    }
    expect(vault.state).toBe('unlocked');
    await vault.storage.setItem('k', 'v');
    expect(vault.storage.getItemSync('k')).toBe('v');
  });

  test('of a closed vault every method is closed', async () => {
    await vault.close();
    const others: Partial<Record<MethodName, string>> = {
      attachVault: 'done',
      runKeyStoreSelfTest: 'done',
      closeVault: 'done',
      vaultState: 'done',
    };
    for (const [name, { reach }] of all()) {
      // whether a call is cancelled or finds the vault closed is a race
      if (name === 'cancelOperation') continue;
      expect([name, await outcomeOf(reach)]).toEqual([name, others[name] ?? 'closed']);
    }
    expect(vault.state).toBe('closed');
  });

  test('20 MB are refused, as text and as bytes', async () => {
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
    expect(await codeOf(attachVault({ name: freshName(), schema: endless }))).toBe('invalid_input');
    for (const fields of [{ given_name: LONE }, { metadata: { deep: [LONE] } }, { [LONE]: 'x' }]) {
      expect(await codeOf(vault.table('patients').create(fields))).toBe('invalid_input');
    }
  });

  test('PINs too short, too long and of no bytes are refused', async () => {
    for (const pin of ['', '123', 'x'.repeat(129), new Uint8Array(0), [1, 2, 3, 4]]) {
      const unlock = vault.unlock({ person: 'amal', pin: pin as never });
      expect(await codeOf(unlock)).toBe('invalid_input');
    }
  });

  test('a prompt without words is refused', async () => {
    for (const prompt of [{ title: '', cancel: 'No' }, { title: 'Open', cancel: '' }, { title: ' ', cancel: 'No' }]) {
      expect(await codeOf(vault.keys.addPresence(prompt))).toBe('invalid_input');
      expect(await codeOf(vault.unlock({ presence: prompt }))).toBe('invalid_input');
      expect(await codeOf(vault.salvage({ presence: prompt }))).toBe('invalid_input');
    }
  });

  test('a callback that is none is not called', async () => {
    await vault.storage.setItem('k', 'v', null as never);
    for (const callback of [null, 5, 'text', {}]) {
      expect(await vault.storage.getItem('k', callback as never)).toBe('v');
      expect(await vault.storage.multiGet(['k'], callback as never)).toEqual([['k', 'v']]);
    }
  });

  test('a recovery key that is none is refused, also where the vault is there already', async () => {
    const name = freshName();
    for (const recoveryKey of ['', 'no base64', 'AAAA', 'half \ud83d of it', 'A'.repeat(48)]) {
      expect(await codeOf(openVault({ name, recoveryKey }))).toBe('invalid_input');
    }
    await (await openVault({ name })).close();
    expect(await codeOf(openVault({ name, recoveryKey: 'AAAA' }))).toBe('invalid_input');
  });
}
