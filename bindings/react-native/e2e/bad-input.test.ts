/**
 * Every method of the contract, read by codegen, with what no app should give. What comes back is an
 * error with a code of the closed list, or what React Native itself throws for a value of another type;
 * the JVM lives on, and ends with 0.
 */
import { isErrorCode } from '../src/errors.ts';
import type { Spec } from '../src/NativeAmana.ts';
import type { Method } from '../tests/contract/spec.ts';
import { methods } from '../tests/contract/spec.ts';
import { aName, theModule } from './app.ts';

const app = theModule();
let handle = 0;
beforeAll(async () => {
  ({ handle } = await app.module.attachVault(JSON.stringify({ name: aName() })));
  await app.module.openForDevice(handle, null);
});

const USUAL: Record<string, unknown> = {
  NumberTypeAnnotation: 0,
  StringTypeAnnotation: '{}',
  BooleanTypeAnnotation: false,
  ArrayTypeAnnotation: [],
};

/** What can be asked of a vault that is locked. */
const TOLD_OF_A_LOCKED_VAULT = [
  'diagnose',
  'integrity',
  'keySlots',
  'lastRefusal',
  'lock',
  'quarantinedVaults',
  'vaultGlance',
  'vaultState',
];

/** What a call came to: `throws`, `!code`, or the answer's kind. */
async function outcome(name: string, args: unknown[]): Promise<string> {
  const method = (app.module as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
  try {
    const answer = await method?.(...args);
    if (typeof answer !== 'string' || !answer.startsWith('!')) return answer === 'closed' ? 'closed' : 'done';
    const { code } = JSON.parse(answer.slice(1)) as { code: string };
    return isErrorCode(code) ? `!${code}` : `an unknown code: ${code}`;
  } catch (error) {
    if (error instanceof TypeError) return /is not a|takes/.test(error.message) ? 'throws' : error.message;
    const { code, userInfo } = error as { code: string; userInfo: Record<string, unknown> };
    const members = Object.keys(userInfo ?? {}).sort().join();
    return isErrorCode(code) && members === 'at,retryAfterMs,retryable' ? `!${code}` : `odd: ${String(error)}`;
  }
}

const usual = (params: Method['params']): unknown[] =>
  params.map(({ name, type, nullable }) => (name === 'handle' ? handle : nullable ? null : USUAL[type]));

test('the contract was read', () => {
  expect(methods.length).toBeGreaterThan(60);
});

test('a value of another type is thrown back, or refused', async () => {
  for (const { name, params } of methods) {
    for (const [at, { type, nullable }] of params.entries()) {
      for (const value of [undefined, null, 5, 'text', true, {}, [{}]]) {
        const kind = Array.isArray(value) ? 'array' : typeof value;
        const taken =
          (nullable && (value === null || value === undefined)) ||
          type.toLowerCase().startsWith(kind) ||
          // a handle that is a number is a handle
          (kind === 'number' && type === 'NumberTypeAnnotation');
        if (taken) continue;
        const args = usual(params);
        args[at] = value;
        // React Native hands a null on where Java takes an object, and throws at anything else
        const object = type === 'StringTypeAnnotation' || type === 'ArrayTypeAnnotation';
        const expected = (value ?? null) === null && object ? '!invalid_input' : 'throws';
        expect([name, at, kind, await outcome(name, args)]).toEqual([name, at, kind, expected]);
      }
    }
    expect([name, await outcome(name, [...usual(params), 1])]).toEqual([name, 'throws']);
  }
});

test('a handle that is none is closed', async () => {
  const gone = (await app.module.attachVault(JSON.stringify({ name: aName() }))).handle;
  await app.module.closeVault(gone);
  for (const { name, params } of methods.filter((method) => method.params[0]?.name === 'handle')) {
    for (const bad of [NaN, Infinity, 2 ** 53 + 1, 0, -1, 1.5, gone]) {
      const expected = name === 'closeVault' ? 'done' : name === 'vaultState' ? 'closed' : '!closed';
      expect([name, bad, await outcome(name, [bad, ...usual(params).slice(1)])]).toEqual([name, bad, expected]);
    }
  }
});

test('numbers that are none, and lists of what are no bytes and no texts, are refused', async () => {
  const numbers = [NaN, 1.5, 2 ** 53 + 1, -Infinity];
  const lists = [[null], [256], [NaN], [true], [2 ** 53 + 1]];
  for (const { name, params } of methods) {
    for (const [at, { name: param, type }] of params.entries()) {
      if (param === 'handle' || name === 'cancelOperation') continue;
      const values = type === 'NumberTypeAnnotation' ? numbers : type === 'ArrayTypeAnnotation' ? lists : [];
      for (const value of values) {
        const args = usual(params);
        args[at] = value;
        const said = await outcome(name, args);
        expect([name, param, String(value), said.startsWith('!')]).toEqual([name, param, String(value), true]);
      }
    }
  }
});

test('half characters and 20 MB are refused', async () => {
  const large = 'x'.repeat(20_000_000);
  for (const { name, params } of methods) {
    for (const [at, { name: param, type }] of params.entries()) {
      if (type !== 'StringTypeAnnotation') continue;
      for (const text of ['half \ud83d of it', large]) {
        const args = usual(params);
        args[at] = text;
        const said = await outcome(name, args);
        expect([name, param, text.length, said]).toEqual([
          ...[name, param, text.length],
          expect.stringMatching(/^![a-z_]+$/),
        ]);
      }
    }
  }
});

test('a handle of another vault reaches that one, and never this', async () => {
  const module: Spec = app.module;
  const other = (await module.attachVault(JSON.stringify({ name: aName() }))).handle;
  const pin = [...'4711'].map((digit) => digit.charCodeAt(0));
  await module.createForPerson(other, 'noor', pin, null);
  await module.lock(other);
  await module.kvSet(handle, 'stored:app', 'mine', 'tstays', null);
  const ends = ['wipe', 'closeVault'];
  const named = methods.filter(({ name, params }) => params[0]?.name === 'handle' && !ends.includes(name));
  const answered: string[] = [];
  for (const { name, params } of named) {
    const said = await outcome(name, [other, ...usual(params).slice(1)]);
    if (said === 'done') answered.push(name);
    else expect([name, said]).toEqual([name, expect.stringMatching(/^![a-z_]+$/)]);
  }
  // what can be told of a locked vault
  expect(answered.sort()).toEqual(TOLD_OF_A_LOCKED_VAULT);
  for (const name of ends) expect([name, await outcome(name, [other])]).toEqual([name, 'done']);
  expect(module.vaultState(handle)).toBe('unlocked');
  expect(module.kvGetSync(handle, 'stored:app', 'mine')).toBe('tstays');
});

test('after all that the vault works', async () => {
  const module: Spec = app.module;
  await module.kvSet(handle, 'stored:app', 'k', 'tv', null);
  expect(module.kvGetSync(handle, 'stored:app', 'k')).toBe('tv');
  expect(module.vaultState(handle)).toBe('unlocked');
});
