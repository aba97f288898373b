/** Every snippet of the guides is compiled, as an app would, and those that can be run are run. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const [name, code] of snippets) writeFileSync(fileOf(name), code);
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
  const guide = readFileSync(join(DOCS, 'quick-start.md'), 'utf8');
  const given = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json]) => {
    const { expo } = JSON.parse(json ?? '') as { expo: { plugins: [string | [string, object]] } };
    const [plugin] = expo.plugins;
    const [name, options] = typeof plugin === 'string' ? [plugin] : plugin;
    expect(name).toBe('react-native-amana');
    return Object.keys(readOptions(options)).length;
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
  type Snippet = Record<string, (...args: unknown[]) => Promise<unknown>>;
  const run = (name: string, what: string, ...args: unknown[]) => {
    const snippet = jest.requireActual<Snippet>(fileOf(name));
    const call = snippet[what];
    if (call === undefined) throw new Error(`${name} has no ${what}`);
    return call(...args);
  };
  beforeEach(() => {
    amanaMock.reset();
    jest.spyOn(console, 'log').mockImplementation(() => undefined);
  });
  afterEach(() => jest.restoreAllMocks());

  test.each([
    ['quick-start-2', 'settings', 'ar'],
    ['quick-start-3', 'records', 1],
    ['quick-start-4', 'visitsOfThePage', ['Amal: 0', '0 elsewhere']],
    ['quick-start-5', 'notes', 'typed'],
    ['quick-start-7', 'anExpiry', null],
    ['async-storage-1', 'asBefore', 'abc'],
    ['async-storage-2', 'beyond', null],
    ['watermelondb-1', 'northernPatients', []],
    ['errors-1', 'start', 'open'],
    ['proven-1', 'checkThisPhone', ['level: unprotected']],
    ['pins-4', 'helpScreen', 'Nothing is wrong.'],
  ])('%s: %s', async (name, what, expected) => {
    expect(await run(name, what)).toEqual(expected);
  });

  test('the first run of a shared tablet', async () => {
    await run('pins-1', 'firstRun', 'amal', '4711');
    expect(await run('pins-1', 'whoMayOpen')).toEqual(['amal']);
  });

  test('moving in from the old store', async () => {
    const clear = jest.fn(async () => undefined);
    const old = {
      getAllKeys: async () => ['a', 'b'],
      getItem: async (key: string) => (key === 'a' ? '1' : null),
      clear,
    };
    await run('async-storage-3', 'moveIn', old);
    expect(clear).toHaveBeenCalled();
    expect(await run('async-storage-1', 'asBefore')).toBe('abc');
  });
});
