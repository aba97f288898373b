/** Every snippet of the guides is compiled, as an app would, and those that can be run are run. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { act, fireEvent, render, screen, waitFor } from '@testing-library/react-native';
import type { ComponentType, ReactElement, ReactNode } from 'react';
import { createElement } from 'react';
import { AppState } from 'react-native';
import type { AnyVault, RecoveryRequest, SalvageReport, VaultConfig } from 'react-native-amana';
import { AmanaProvider, openVault } from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';
import ts from 'typescript';

import { DOCS, extract, whichExports } from './snippets.ts';

const ROOT = join(__dirname, '../../..');
const FOLDER = join(DOCS, '.snippets');

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

test('links of the guides lead somewhere, and into the package', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-');
  const guides = readdirSync(DOCS).filter((file) => file.endsWith('.md'));
  const todo = guides.map((file) => relative(ROOT, join(DOCS, file)));
  const seen = new Set(todo);
  for (let from = todo.pop(); from !== undefined; from = todo.pop()) {
    for (const [, file = '', heading] of read(from).matchAll(/\]\(([^)#:]*)(?:#([^)]+))?\)/g)) {
      const target = file === '' ? from : join(dirname(from), file);
      expect([target, existsSync(join(ROOT, target))]).toEqual([target, true]);
      const isPacked = files.some((one) => target === one || target.startsWith(`${one}/`));
      expect([target, isPacked]).toEqual([target, true]);
      if (!seen.has(target)) todo.push(target);
      seen.add(target);
      const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, line = '']) => anchor(line));
      if (heading !== undefined) expect(headings).toContain(heading);
    }
  }
});

test('links of the README lead somewhere', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const files = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]+)?\)/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

interface ReduxConfig {
  readonly storage: {
    setItem(key: string, value: string): Promise<unknown>;
    getItem(key: string): Promise<unknown>;
  };
}

describe('run', () => {
  type Exports = Record<string, unknown>;
  /** What a snippet of a guide exports under a name. */
  function exported<T>(guide: string, what: string): T {
    const name = whichExports(snippets, guide, what);
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
    ['quick-start', 'aConflict', '111'],
    ['quick-start', 'aHub', ['on_hub', 'network']],
    ['quick-start', 'aRefusal', ['the peer refuses this record', 'in_cloud']],
    ['async-storage', 'asBefore', 'abc'],
    ['async-storage', 'beyond', null],
    ['watermelondb', 'northernPatients', []],
    ['errors', 'start', 'open'],
    ['proven', 'checkThisPhone', ['level: unprotected']],
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

  test('what is followed without hooks', async () => {
    const vault = await openVault();
    await vault.table('patients').create({ given_name: 'Amal' });
    const [show, say] = [jest.fn(), jest.fn()];
    const follow = exported<(...args: unknown[]) => () => void>('quick-start', 'follow');
    const stop = follow(vault, show, say);
    await waitFor(() => expect(show).toHaveBeenLastCalledWith(['Amal']));
    amanaMock.failNext('queryRecords', 'storage_busy');
    await vault.table('patients').create({ given_name: 'Basma' });
    await waitFor(() => expect(say).toHaveBeenLastCalledWith('storage_busy'));
    await vault.lock();
    await waitFor(() => expect(show).toHaveBeenLastCalledWith([]));
    await vault.unlock();
    await waitFor(() => expect(show).toHaveBeenLastCalledWith(['Amal', 'Basma']));
    stop();
  });

  test('sign in, sync, and stop one', async () => {
    const vault = await openVault();
    await vault.table('patients').create({ given_name: 'Amal' });
    await render(inside(vault, component('quick-start', 'SyncButton')));
    await shown('1 waiting, 0 refused');
    await press('Sync');
    await shown('not_signed_in');
    const signedIn = await act(() => run('quick-start', 'signIn', 'amal@clinic.example', 'secret'));
    expect(signedIn).toBe('amal@clinic.example');
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

  test('a hub', async () => {
    const hub = amanaMock.hub({ name: 'Clinic North' });
    const vault = await openVault();
    expect(await run('quick-start', 'join', vault, hub.qr, 'amal', 'secret')).toBe('Clinic North');
    await vault.signIn({ url: 'https://clinic.example', email: 'amal', password: 'secret' });
    expect(await run('quick-start', 'syncAll', vault)).toEqual([hub.peer]);
    await run('quick-start', 'hubMoved', vault, hub.peer, 'http://192.168.1.20:4000');
    expect(await vault.peers.hubs()).toMatchObject([{ url: 'http://192.168.1.20:4000' }]);
  });

  describe('a shared tablet', () => {
    const config = () =>
      exported<(key: string) => VaultConfig>('pins', 'clinic')(Buffer.alloc(32, 7).toString('base64'));

    test('its first run, its staff, its fingers', async () => {
      await run('pins', 'firstRun', config(), 'amal', '4711');
      expect(await run('pins', 'whoMayOpen', config())).toEqual(['amal']);
      const vault = await openVault(config());
      await run('pins', 'staff', vault);
      expect(await run('pins', 'whoMayOpen', config())).toEqual(['amal']);
      await run('pins', 'fingers', vault);
      const kinds = async () => (await vault.keys.slots()).slots.map(({ kind }) => kind);
      expect(await kinds()).toContain('presence');
      await run('pins', 'noMoreFingers', vault);
      expect(await kinds()).not.toContain('presence');
      expect(await run('pins', 'helpScreen', config())).toBe('Nothing is wrong.');
    });

    test('its unlock screen', async () => {
      const tablet = exported<ComponentType<{ config: VaultConfig; person: string }>>('pins', 'Tablet');
      await render(createElement(tablet, { config: config(), person: 'amal' }));
      const type = (pin: string) => fireEvent.changeText(screen.getByPlaceholderText('PIN'), pin);
      await waitFor(() => screen.getByPlaceholderText('PIN'));
      await type('4711');
      await press('Unlock');
      await shown('0 patients');
      const vault = await openVault(config());
      await act(() => vault.lock());
      await type('0000');
      await press('Unlock');
      await shown('wrong_pin');
      await type('4711');
      await press('Unlock');
      await shown('0 patients');
      await act(async () => undefined);
    });

    test('it locks when the app goes to the background', async () => {
      await run('pins', 'firstRun', config(), 'amal', '4711');
      const vault = await openVault(config());
      const remove = jest.fn();
      const listen = jest.spyOn(AppState, 'addEventListener').mockReturnValue({ remove });
      const stop = exported<(vault: AnyVault) => () => void>('pins', 'lockInBackground')(vault);
      const heard = listen.mock.calls[0]?.[1];
      heard?.('inactive');
      expect(vault.state).toBe('unlocked');
      heard?.('background');
      await waitFor(() => expect(vault.state).toBe('locked'));
      stop();
      expect(remove).toHaveBeenCalled();
    });

    test('the organisation helps, and a fresh start keeps the old vault', async () => {
      await run('pins', 'firstRun', config(), 'amal', '4711');
      const vault = await openVault(config());
      await vault.lock();
      const request = (await run('pins', 'askForRecovery', vault)) as RecoveryRequest;
      const answer = amanaMock.answerRecovery(request);
      await run('pins', 'recovered', vault, answer, 'amal', '2222');
      await vault.lock();
      await run('pins', 'firstRun', config(), 'amal', '2222');
      await vault.lock();
      await run('pins', 'startAfresh', config(), 0);
      expect(await vault.quarantined()).toHaveLength(1);
      const fresh = await openVault(config());
      expect(await fresh.glance()).toMatchObject({ presence: 'nothing' });
    });

    test('a salvage is explained', async () => {
      const table = { saved: 5, lostAtMost: false };
      const report: SalvageReport = {
        descriptionReadable: true,
        tables: [
          { ...table, table: 'patients', kind: 'records', lost: 2 },
          { ...table, table: 'visits', kind: 'records', lost: 0 },
          { ...table, table: 'amana_outbox', kind: 'outbox', lost: 3, lostAtMost: true },
          { ...table, table: 'amana_meta', kind: 'books', lost: null },
        ],
        outboxWithoutRecord: 0,
        fullPullDue: true,
      };
      const explain = exported<(report: SalvageReport) => string>('pins', 'explain');
      expect(explain(report).split('\n')).toEqual([
        'patients: 2',
        'amana_outbox: at most 3',
        'Edits of this tablet were lost.',
        'Sync: what the server has comes back.',
      ]);
      expect(explain({ ...report, tables: [], fullPullDue: false })).toBe('Everything was saved.');
      await run('pins', 'firstRun', config(), 'amal', '4711');
      const vault = await openVault(config());
      await vault.lock();
      amanaMock.damage(vault.name);
      const saved = await run('pins', 'saveWhatCanBeRead', config(), { person: 'amal', pin: '4711' });
      expect(saved).toContain('Sync: what the server has comes back.');
      expect(vault.state).toBe('unlocked');
    });
  });

  test('moving in from the old store', async () => {
    const many = Array.from({ length: 250 }, (_, i) => `key ${i}`);
    const clear = jest.fn(async () => undefined);
    const old = {
      getAllKeys: async () => ['a', 'b', 'k'.repeat(2_000), ...many],
      getItem: async (key: string) => (key === 'b' ? null : `value of ${key}`),
      clear,
    };
    expect(await run('async-storage', 'moveIn', old)).toEqual(['k'.repeat(2_000)]);
    // something was left behind: the old store keeps it
    expect(clear).not.toHaveBeenCalled();
    const { storage } = await openVault({ name: 'settings', idleLockMs: 0 });
    expect(storage.getItemSync('a')).toBe('value of a');
    expect(storage.getItemSync('b')).toBeNull();
    expect(storage.getItemSync('key 249')).toBe('value of key 249');
    const few = { ...old, getAllKeys: async () => ['a'] };
    expect(await run('async-storage', 'moveIn', few)).toEqual([]);
    expect(clear).toHaveBeenCalled();
  });

  test('state libraries', async () => {
    const theme = exported<object>('async-storage', 'theme');
    const useLanguage = exported<{ setState(state: object): void }>('async-storage', 'useLanguage');
    const { storage } = exported<ReduxConfig>('async-storage', 'reduxConfig');
    const persister = exported<{ restoreClient(): Promise<unknown> }>('async-storage', 'persister');
    useLanguage.setState({ language: 'ar' });
    await storage.setItem('persist:root', '{}');
    expect(await storage.getItem('persist:root')).toBe('{}');
    expect(await persister.restoreClient()).toBeUndefined();
    expect(theme).toHaveProperty('read');
    const settings = await openVault({ name: 'settings', idleLockMs: 0 });
    await waitFor(() => expect(settings.storage.getItemSync('language')).toContain('ar'));
  });
});
