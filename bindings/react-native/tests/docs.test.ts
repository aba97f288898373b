/** Every snippet of the guides is compiled, as an app would, and those that can be run are run. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { act, fireEvent, render, screen, waitFor } from '@testing-library/react-native';
import type { ComponentType, ReactElement, ReactNode } from 'react';
import { createElement } from 'react';
import type { AnyVault } from 'react-native-amana';
import { AmanaProvider, openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';
import ts from 'typescript';

const ROOT = join(__dirname, '../../..');
const DOCS = join(__dirname, '../docs');
const FOLDER = join(DOCS, '.snippets');

/** The snippets of the guides, by `guide-number`. */
function extract(): Map<string, string> {
  const found = new Map<string, string>();
  for (const guide of readdirSync(DOCS).filter((file) => file.endsWith('.md'))) {
    const text = readFileSync(join(DOCS, guide), 'utf8');
    const blocks = [...text.matchAll(/^```tsx?\n([\s\S]*?)^```$/gm)];
    blocks.forEach(([, code], i) => {
      found.set(`${guide.replace('.md', '')}-${i + 1}`, code ?? '');
    });
  }
  return found;
}

const snippets = extract();
const fileOf = (name: string) => join(FOLDER, `${name}.tsx`);

/** The blocks of JSON of the quick start: what the Expo plugin is given, and a schema. */
const json = [
  ...readFileSync(join(DOCS, 'quick-start.md'), 'utf8').matchAll(/^```json\n([\s\S]*?)^```$/gm),
].map(([, text]) => JSON.parse(text ?? '') as { expo?: unknown; tables?: unknown });

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const [name, code] of snippets) writeFileSync(fileOf(name), code);
  // as the guide says it: the schema, and the types that amana-types writes of it
  const [schema, types] = [join(FOLDER, 'schema.json'), join(FOLDER, 'schema.types.ts')];
  writeFileSync(schema, JSON.stringify(json.find(({ tables }) => tables !== undefined)));
  const script = join(__dirname, '../bin/amana-types.mjs');
  execFileSync(process.execPath, [script, schema, '--out', types]);
});
afterAll(() => rmSync(FOLDER, { recursive: true }));

test('all of them compile', () => {
  expect(snippets.size).toBeGreaterThan(15);
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const config = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), {}, host);
  const options = config?.options ?? {};
  expect(options.strict).toBe(true);
  const program = ts.createProgram([...snippets.keys()].map(fileOf), options);
  const problems = ts.getPreEmitDiagnostics(program).map((problem) => {
    const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
    const line = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0;
    return `${problem.file?.fileName ?? ''}:${line + 1}: ${text}`;
  });
  expect(problems).toEqual([]);
});

test('what the guides give to the Expo plugin are options of it', () => {
  const { readOptions } = jest.requireActual<{ readOptions: (given: unknown) => object }>('../plugin/changes.js');
  const given = json.flatMap((block) => {
    if (block.expo === undefined) return [];
    const expo = block.expo as { plugins: [string | [string, object]] };
    const [plugin] = expo.plugins;
    const [name, options] = typeof plugin === 'string' ? [plugin] : plugin;
    expect(name).toBe('react-native-amana');
    return [Object.keys(readOptions(options)).length];
  });
  expect(given).toHaveLength(2);
});

test('links between the guides lead somewhere', () => {
  for (const guide of readdirSync(DOCS).filter((file) => file.endsWith('.md'))) {
    const text = readFileSync(join(DOCS, guide), 'utf8');
    for (const [, target] of text.matchAll(/\]\(([^)#:]+\.md)\)/g)) {
      expect([target, existsSync(join(DOCS, target ?? ''))]).toEqual([target, true]);
    }
  }
});

describe('run', () => {
  type Exports = Record<string, unknown>;
  /** What a snippet of a guide exports under a name. */
  function exported<T>(guide: string, what: string): T {
    const isIt = new RegExp(`^export (async )?(function|const) ${what}\\b|^export default ${what};`, 'm');
    const found = [...snippets].filter(([name, code]) => name.startsWith(guide) && isIt.test(code));
    const [name] = found[0] ?? [];
    if (name === undefined || found.length > 1) throw new Error(`${guide}: ${what} is not there once`);
    const snippet = jest.requireActual<Exports>(fileOf(name));
    return (snippet[what] ?? snippet['default']) as T;
  }
  const run = async (guide: string, what: string, ...args: unknown[]) =>
    exported<(...args: unknown[]) => Promise<unknown>>(guide, what)(...args);
  const component = (guide: string, what: string): ReactElement =>
    createElement(exported<ComponentType>(guide, what));
  const inside = (vault: AnyVault, children: ReactNode) =>
    createElement(AmanaProvider, { vault, children });
  const press = (name: string) => fireEvent.press(screen.getByRole('button', { name }));
  const shown = (text: string) => waitFor(() => screen.getByText(text));

  beforeEach(() => {
    amanaMock.reset();
    jest.spyOn(console, 'log').mockImplementation(() => undefined);
  });
  afterEach(() => jest.restoreAllMocks());

  test.each([
    ['quick-start', 'settings', 'ar'],
    ['quick-start', 'records', 1],
    ['quick-start', 'visitsOfThePage', ['Amal: 0', '0 elsewhere']],
    ['quick-start', 'notes', 'typed'],
    ['quick-start', 'anExpiry', null],
    ['async-storage', 'asBefore', 'abc'],
    ['async-storage', 'beyond', null],
    ['watermelondb', 'northernPatients', []],
    ['errors', 'start', 'open'],
    ['proven', 'checkThisPhone', ['level: unprotected']],
    ['pins', 'helpScreen', 'Nothing is wrong.'],
  ])('%s: %s', async (guide, what, expected) => {
    expect(await run(guide, what)).toEqual(expected);
  });

  test('the ten lines', async () => {
    await render(component('quick-start', 'App'));
    await waitFor(() => screen.getByRole('button', { name: 'Add' }));
    await press('Add');
    await shown('Khalil');
    await act(async () => undefined);
  });

  test('a vault that does not open, opens, is locked, and opens again', async () => {
    amanaMock.failNext('openForDevice', 'key_temporarily_unavailable');
    await render(component('quick-start', 'Records'));
    await shown('The records did not open: key_temporarily_unavailable');
    await press('Try again');
    await waitFor(() => screen.getByRole('button', { name: 'en' }));
    await press('en');
    await waitFor(() => screen.getByRole('button', { name: 'ar' }));
    const vault = await openVault();
    await act(() => vault.lock());
    await press('Open');
    await waitFor(() => screen.getByRole('button', { name: 'ar' }));
    await act(async () => undefined);
  });

  test('sign in, sync, and stop one', async () => {
    const vault = await openVault();
    await vault.table('patients').create({ given_name: 'Amal' });
    await render(inside(vault, component('quick-start', 'SyncButton')));
    await shown('1 waiting, 0 refused');
    await press('Sync');
    await shown('not_signed_in');
    expect(await run('quick-start', 'signIn', 'amal@clinic.example', 'secret')).toBe('amal@clinic.example');
    const release = amanaMock.holdSync();
    await press('Sync');
    await waitFor(() => screen.getByRole('button', { name: 'Stop' }));
    await press('Stop');
    await waitFor(() => screen.getByRole('button', { name: 'Sync' }));
    release();
    expect(amanaMock.cloud.rows('patients')).toHaveLength(0);
    await press('Sync');
    await shown('0 waiting, 0 refused');
    expect(amanaMock.cloud.rows('patients')).toHaveLength(1);
    await act(async () => undefined);
  });

  test('a hub, as far as the mock goes', async () => {
    const vault = await openVault();
    await vault.signIn({ url: 'https://clinic.example', email: 'amal', password: 'secret' });
    await expect(run('quick-start', 'join', vault, 'code', 'amal', 'secret')).rejects.toMatchObject({
      code: 'unsupported',
    });
    expect(await run('quick-start', 'syncAll', vault)).toEqual([]);
    await expect(
      run('quick-start', 'hubMoved', vault, 'hub:x', 'http://192.168.1.20:4000')
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  test('the first run of a shared tablet', async () => {
    await run('pins', 'firstRun', 'amal', '4711');
    expect(await run('pins', 'whoMayOpen')).toEqual(['amal']);
  });

  test('moving in from the old store', async () => {
    const clear = jest.fn(async () => undefined);
    const old = {
      getAllKeys: async () => ['a', 'b'],
      getItem: async (key: string) => (key === 'a' ? '1' : null),
      clear,
    };
    await run('async-storage', 'moveIn', old);
    expect(clear).toHaveBeenCalled();
    expect(await run('async-storage', 'asBefore')).toBe('abc');
  });
});
