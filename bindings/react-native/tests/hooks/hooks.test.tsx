import { act, render, renderHook, waitFor } from '@testing-library/react-native';
import type { ReactNode } from 'react';
import { Component, Fragment, StrictMode } from 'react';
import type { AmanaError, Vault, VaultConfig } from 'react-native-amana';
import {
  AmanaProvider,
  openVault,
  useQuery,
  useRecord,
  useSecureValue,
  useSync,
  useVault,
  useVaultState,
} from 'react-native-amana';
import { amanaMock } from 'react-native-amana/jest';

import { native } from '../../src/native.ts';

const CLOUD = { url: 'https://clinic.example', email: 'a', password: 'b' };

let vault: Vault;
beforeEach(async () => {
  amanaMock.reset();
  vault = await openVault();
});

const modes = {
  plain: ({ children }: { children?: ReactNode }) => (
    <AmanaProvider vault={vault}>{children}</AmanaProvider>
  ),
  StrictMode: ({ children }: { children?: ReactNode }) => (
    <StrictMode>
      <AmanaProvider vault={vault}>{children}</AmanaProvider>
    </StrictMode>
  ),
};

/** Lets everything that is under way arrive. */
const settle = () => act(async () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))));

describe.each(Object.entries(modes))('hooks in %s', (mode, wrapper) => {
  /** StrictMode renders twice each time. */
  const perRender = mode === 'StrictMode' ? 2 : 1;

  test('useVaultState follows lock and unlock', async () => {
    const { result } = await renderHook(() => useVaultState(), { wrapper });
    expect(result.current).toBe('unlocked');
    await act(() => vault.lock());
    await waitFor(() => expect(result.current).toBe('locked'));
    await act(() => vault.unlock());
    await waitFor(() => expect(result.current).toBe('unlocked'));
  });

  test('useQuery is live, renders once per transaction, and not where nothing changed', async () => {
    let renders = 0;
    const { result } = await renderHook(
      () => {
        renders++;
        return useQuery('patients', (q) => q.where('camp', 'eq', 'North').orderBy('given_name'));
      },
      { wrapper }
    );
    await waitFor(() => expect(result.current.status).toBe('ready'));
    expect(result.current.rows).toEqual([]);

    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'B', camp: 'North' }));
    await settle();
    expect(result.current.rows.map((row) => row.given_name)).toEqual(['B']);
    expect(renders).toBe(perRender);

    const before = result.current.rows[0];
    await act(() => vault.table('patients').create({ given_name: 'A', camp: 'North' }));
    await settle();
    expect(result.current.rows.map((row) => row.given_name)).toEqual(['A', 'B']);
    expect(result.current.rows[1]).toBe(before);

    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'C', camp: 'South' }));
    await act(() => vault.table('visits').create(visit()).catch(() => undefined));
    await settle();
    expect(renders).toBe(0);

    await act(() => vault.lock());
    await waitFor(() => expect(result.current).toMatchObject({ status: 'locked', rows: [] }));
    await act(() => vault.unlock());
    await waitFor(() => expect(result.current.rows).toHaveLength(2));
  });

  test('useQuery shows another query, and what is wrong with one', async () => {
    await vault.table('patients').create({ given_name: 'A' });
    const { result, rerender } = await renderHook(
      ({ name }: { name: string }) =>
        useQuery('patients', (q) => q.where('given_name', 'startsWith', name)),
      { wrapper, initialProps: { name: 'A' } }
    );
    await waitFor(() => expect(result.current.rows).toHaveLength(1));
    await rerender({ name: 'B' });
    await waitFor(() => expect(result.current).toMatchObject({ status: 'ready', rows: [] }));
    await rerender({ name: 'x'.repeat(17_000) });
    await waitFor(() => expect(result.current.error?.code).toBe('invalid_input'));
  });

  test('useRecord follows one record', async () => {
    const id = await vault.table('patients').create({ given_name: 'A' });
    let renders = 0;
    const { result } = await renderHook(
      () => {
        renders++;
        return useRecord('patients', id);
      },
      { wrapper }
    );
    await waitFor(() => expect(result.current.record?.given_name).toBe('A'));
    renders = 0;
    await act(() => vault.table('patients').create({ given_name: 'other' }));
    await settle();
    expect(renders).toBe(0);
    await act(() => vault.table('patients').update(id, { given_name: 'B' }));
    await waitFor(() => expect(result.current.record?.given_name).toBe('B'));
    await act(() => vault.table('patients').delete(id));
    await waitFor(() => expect(result.current).toMatchObject({ record: null, status: 'ready' }));
  });

  test('useSecureValue has its value at the first render', async () => {
    await vault.storage.setItem('language', 'ar');
    const seen: (string | null)[] = [];
    const { result } = await renderHook(
      () => {
        const [value, set] = useSecureValue('language');
        seen.push(value);
        return { value, set };
      },
      { wrapper }
    );
    expect(seen[0]).toBe('ar');
    const { length } = seen;
    await act(() => vault.storage.setItem('other', 'x'));
    await settle();
    expect(seen).toHaveLength(length);
    await act(() => result.current.set('en'));
    await waitFor(() => expect(result.current.value).toBe('en'));
    await act(() => result.current.set(null));
    await waitFor(() => expect(result.current.value).toBeNull());
    await act(() => vault.lock());
    await waitFor(() => expect(result.current.value).toBeNull());
  });

  test('useSync shows pending, progress and the end', async () => {
    await vault.signIn(CLOUD);
    const { result } = await renderHook(() => useSync(), { wrapper });
    await waitFor(() => expect(result.current.status?.pending).toBe(0));
    await act(() => vault.table('patients').create({ given_name: 'A' }));
    await waitFor(() => expect(result.current.status?.pending).toBe(1));

    const release = amanaMock.holdSync();
    let done: Promise<unknown> = Promise.resolve();
    await act(async () => {
      done = result.current.sync();
    });
    await waitFor(() => expect(result.current.progress?.phase).toBe('pulling'));
    expect(result.current.running).toBe(true);
    release();
    await act(() => done);
    await waitFor(() => expect(result.current.status?.pending).toBe(0));
    expect(result.current).toMatchObject({ running: false, progress: null, error: null });
    expect(result.current.report?.pushed).toBe(1);
  });

  test('useSync shows a failure, and takes a cancel as none', async () => {
    await vault.signIn(CLOUD);
    const { result } = await renderHook(() => useSync(), { wrapper });
    amanaMock.failNext('sync', 'rate_limited', { retryAfterMs: 5000 });
    await act(() => result.current.sync());
    expect(result.current.error).toMatchObject({ code: 'rate_limited', retryAfterMs: 5000 });

    const release = amanaMock.holdSync();
    const controller = new AbortController();
    let done: Promise<unknown> = Promise.resolve();
    await act(async () => {
      done = result.current.sync({ signal: controller.signal });
    });
    await waitFor(() => expect(result.current.running).toBe(true));
    controller.abort();
    await act(() => done);
    expect(result.current).toMatchObject({ running: false, error: null, report: null });
    release();
  });

  test('useSync follows what other calls change, and renders once for each', async () => {
    await vault.signIn(CLOUD);
    const refuse = () => amanaMock.cloud.refuse('patients', (row) => row['camp'] === 'North');
    const takeAgain = refuse();
    let renders = 0;
    const { result } = await renderHook(
      () => {
        renders++;
        return useSync();
      },
      { wrapper }
    );
    await waitFor(() => expect(result.current.status?.person).not.toBeNull());
    await settle();
    /** Does something; what is shown then, and how often it was rendered. */
    const after = async (work: () => Promise<unknown>) => {
      renders = 0;
      await act(async () => void (await work()));
      await settle();
      return { status: result.current.status, renders: renders / perRender };
    };

    expect(await after(() => vault.signOut())).toMatchObject({ status: { person: null }, renders: 1 });
    const signedIn = await after(() => vault.signIn(CLOUD));
    expect(signedIn).toMatchObject({ status: { person: { id: 'a' } }, renders: 1 });
    const bad = await vault.table('patients').create({ given_name: 'A', camp: 'North' });
    await after(() => vault.table('patients').create({ given_name: 'B' }));
    // a sync that no hook started
    const synced = await after(() => vault.sync());
    expect(synced.status).toMatchObject({ pending: 1, quarantined: 1, syncing: false });
    expect(result.current).toMatchObject({ running: false, progress: null, report: null });
    const released = await after(() => vault.peers.release('patients', bad));
    expect(released).toMatchObject({ status: { pending: 1, quarantined: 0 }, renders: 1 });
    await vault.table('patients').create({ given_name: 'C' });
    await after(() => vault.sync());
    expect(result.current.status?.quarantined).toBe(1);
    const all = await after(() => vault.peers.releaseAll());
    expect(all).toMatchObject({ status: { quarantined: 0 }, renders: 1 });

    // nothing new: nothing is drawn
    const refused = (work: Promise<unknown>) => work.catch(() => undefined);
    expect((await after(() => vault.peers.releaseAll())).renders).toBe(0);
    expect((await after(() => refused(vault.peers.pairHub('no code')))).renders).toBe(0);
    expect((await after(() => vault.peers.forget('hub:none'))).renders).toBe(0);

    // a sync of which only the native module knows: what it tells at its end is enough
    takeAgain();
    const last = await after(() => native().sync(vault.handle, null, false, 0));
    expect(last.status?.pending).toBe(0);
  });

  test('useSync shows options that are none as its error', async () => {
    const { result } = await renderHook(() => useSync(), { wrapper });
    for (const options of [null, { onProgress: 5 }, { peer: 5 }, { signal: {} }]) {
      expect(await act(() => result.current.sync(options as never))).toBeNull();
      expect(result.current).toMatchObject({ running: false, error: { code: 'invalid_input' } });
    }
  });

  test('a setting that cannot be read is for the error boundary above', async () => {
    await vault.storage.set('photo', new Uint8Array([1, 2, 3]));
    // React tells the console of errors that a boundary caught
    const told = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const caught: unknown[] = [];
    class Boundary extends Component<{ readonly children?: ReactNode }> {
      static getDerivedStateFromError = () => ({ failed: true });
      override state = { failed: false };
      override componentDidCatch(error: unknown) {
        caught.push(error);
      }
      override render() {
        return this.state.failed ? null : this.props.children;
      }
    }
    const read = (key: string) =>
      renderHook(() => useSecureValue(key), {
        wrapper: ({ children }: { children?: ReactNode }) =>
          wrapper({ children: <Boundary>{children}</Boundary> }),
      });
    await read('photo');
    await read('');
    told.mockRestore();
    expect(caught).toMatchObject([{ code: 'invalid_input' }, { code: 'invalid_input' }]);
    // locked and closed are nothing wrong
    await vault.lock();
    expect((await read('photo')).result.current[0]).toBeNull();
    await vault.close();
    expect((await read('photo')).result.current[0]).toBeNull();
    expect(caught).toHaveLength(2);
  });

  describe('a provider that opens its vault', () => {
    const Mode = mode === 'StrictMode' ? StrictMode : Fragment;
    let failures: AmanaError[] = [];
    let retry = () => undefined as void;
    const failed = (error: AmanaError, again: () => void) => {
      failures.push(error);
      retry = again;
      return null;
    };
    const opening = (config: VaultConfig) =>
      renderHook(() => useVault(), {
        wrapper: ({ children }: { children?: ReactNode }) => (
          <Mode>
            <AmanaProvider config={config} failed={failed}>
              {children}
            </AmanaProvider>
          </Mode>
        ),
      });
    beforeEach(async () => {
      failures = [];
      await vault.close();
    });

    test('lets the person try again', async () => {
      // refused as long as another vault is in the way, however often it is tried
      await (await openVault()).wipe();
      const inTheWay = await openVault({ policy: 'person' });
      await inTheWay.create({ person: 'amal', pin: '4711' });
      await inTheWay.close();
      const { result } = await opening({});
      await waitFor(() => expect(failures[0]?.code).toBe('invalid_input'));
      expect(result.current).toBeNull();
      await act(async () => retry());
      await settle();
      expect(result.current).toBeNull();

      await (await openVault({ policy: 'person' })).wipe();
      await act(async () => retry());
      await waitFor(() => expect(result.current?.state).toBe('unlocked'));
    });

    test('says that the vault was closed or wiped, and opens it when asked to', async () => {
      const { result } = await opening({});
      await waitFor(() => expect(result.current?.state).toBe('unlocked'));
      const first = await openVault();
      await first.storage.setItem('k', 'v');
      await act(() => first.close());
      await waitFor(() => expect(failures.at(-1)?.code).toBe('closed'));
      await settle();
      expect(first.state).toBe('closed');

      await act(async () => retry());
      await waitFor(() => expect(result.current).not.toBe(first));
      const second = result.current;
      expect(second.storage.getItemSync('k')).toBe('v');
      // locked is not closed
      failures = [];
      await act(() => second.lock());
      await settle();
      expect(failures).toEqual([]);

      await act(() => second.wipe());
      await waitFor(() => expect(failures.at(-1)?.code).toBe('closed'));
      await act(async () => retry());
      await waitFor(() => expect(result.current).not.toBe(second));
      expect(result.current.storage.getItemSync('k')).toBeNull();
    });

    test('shows what is wrong with its configuration', async () => {
      const endless: { self?: unknown } = {};
      endless.self = endless;
      await opening({ schema: endless });
      await waitFor(() => expect(failures[0]?.code).toBe('invalid_input'));
    });

    test('gives nothing of one configuration to the children of another', async () => {
      const given: string[] = [];
      const Child = ({ wants }: { readonly wants: string }) => {
        given.push(`${wants}: ${useVault().name}`);
        return null;
      };
      const screen = (name: string, wrong: object = {}) => (
        <Mode>
          <AmanaProvider
            config={{ name, ...wrong }}
            fallback={<Child wants={`${name} waits`} />}
            failed={({ code }) => void given.push(`${name}: ${code}`)}
          >
            <Child wants={name} />
          </AmanaProvider>
        </Mode>
      );
      // what the fallback is given, it is given by whom is above
      const above = await openVault({ name: 'above' });
      const inside = (children: ReactNode) => (
        <AmanaProvider vault={above}>{children}</AmanaProvider>
      );
      const { rerender } = await render(inside(screen('a')));
      await waitFor(() => expect(given).toContain('a: a'));
      for (const [name, wrong, end] of [
        ['b', {}, 'b: b'],
        ['a', {}, 'a: a'],
        ['c', { policy: 'nobody' }, 'c: invalid_input'],
        ['b', {}, 'b: b'],
      ] as const) {
        given.length = 0;
        await rerender(inside(screen(name, wrong)));
        await waitFor(() => expect(given).toContain(end));
        expect([...new Set(given)]).toEqual([`${name} waits: above`, end]);
      }
    });

    test('looks at its configuration once, and opens anew only for another one', async () => {
      let looks = 0;
      const config = {
        get idleLockMs() {
          looks++;
          return 0;
        },
      };
      const { result, rerender } = await opening(config);
      await waitFor(() => expect(result.current?.state).toBe('unlocked'));
      const before = { vault: result.current, looks };
      await rerender(undefined);
      await rerender(undefined);
      expect({ vault: result.current, looks }).toEqual(before);
    });
  });
});

function visit() {
  return { check_in_timestamp: 1_700_000_000_000 } as never;
}
