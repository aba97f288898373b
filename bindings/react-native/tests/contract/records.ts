import type { Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, PATIENT, until } from './harness.ts';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';

export function recordsContract(_harness: Harness): void {
  let vault: Vault;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
  });
  afterEach(() => vault.close());
  const patients = () => vault.table('patients');

  test('a record is made, found, changed, deleted', async () => {
    const id = await patients().create(PATIENT);
    const row = await patients().find(id);
    expect(row).toMatchObject({ ...PATIENT, id, is_deleted: false, camp: null });
    expect(row?.created_at).toEqual(expect.any(Number));
    expect(patients().findSync(id)).toEqual(row);
    expect(await patients().query().first()).toEqual(row);
    // kept for the server alone
    expect(row).not.toHaveProperty('image_timestamp');
    await patients().update(id, { surname: 'Haddad', camp: 'North' });
    expect(await patients().find(id)).toMatchObject({ surname: 'Haddad', camp: 'North' });
    await patients().delete(id);
    expect(await patients().find(id)).toBeNull();
    expect(patients().findSync(id)).toBeNull();
  });

  test('an id may be given once', async () => {
    expect(await patients().create({ id: ID.toUpperCase(), ...PATIENT })).toBe(ID);
    expect(await codeOf(patients().create({ id: ID }))).toBe('invalid_input');
    expect(await codeOf(patients().create({ id: 'not a uuid' }))).toBe('invalid_input');
    expect(await codeOf(patients().update(ID, { id: ID } as object))).toBe('invalid_input');
  });

  test('what is wrong is named by its place', async () => {
    const wrong: [object, string][] = [
      [{ given_name: 1 }, 'patients.given_name'],
      [{ date_of_birth: '3.2.1980' }, 'patients.date_of_birth'],
      [{ date_of_birth: '1980-02-31' }, 'patients.date_of_birth'],
      [{ metadata: [] }, 'patients.metadata'],
      [{ sex: 'x'.repeat(25) }, 'patients.sex'],
      [{ surname: 'a\0b' }, 'patients.surname'],
      [{ updated_at: 5 }, 'patients.updated_at'],
      [{ nope: 1 }, 'patients'],
    ];
    for (const [fields, at] of wrong) {
      const error = await patients().create(fields).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'invalid_input', at });
    }
    expect(await codeOf(vault.table('clinics').create({} as never))).toBe('permission_denied');
    expect(await codeOf(vault.table('users' as never).find(ID))).toBe('forbidden_table');
    expect(await codeOf(vault.table('nothing' as never).find(ID))).toBe('invalid_input');
    expect(await codeOf(patients().update(ID, { camp: 'x' }))).toBe('not_found');
    expect(await codeOf(patients().delete('x'))).toBe('not_found');
    expect(await patients().find('\u0001')).toBeNull();
  });

  test('a batch is all or none', async () => {
    const [patient, visit] = await vault.batch((batch) => {
      batch.create('patients', { id: ID, ...PATIENT });
      batch.create('patients', { given_name: 'Second' });
    });
    expect(patient).toBe(ID);
    expect(visit).toEqual(expect.any(String));
    const failing = vault.batch((batch) => {
      batch.update('patients', ID, { camp: 'written' });
      batch.delete('patients', '01890a5d-ac96-774b-bcce-b302099a0000');
    });
    expect(await codeOf(failing)).toBe('not_found');
    expect((await patients().find(ID))?.camp).toBeNull();
    expect(await vault.batch(() => undefined)).toEqual([]);
  });

  test('queries in the closed form', async () => {
    const people: [string, string, string | null][] = [
      ['Amal', 'Khalil', 'North'],
      ['basma', 'Khoury', null],
      ['Celine', 'Aziz', 'South'],
      ['100%', 'a_b', 'North'],
    ];
    await vault.batch((batch) => {
      for (const [given_name, surname, camp] of people) {
        batch.create('patients', { given_name, surname, camp });
      }
    });
    type Build = Parameters<ReturnType<typeof patients>['query']>[0];
    const names = async (query: Build) =>
      (await patients().query(query).page()).rows.map((row) => row.given_name).sort();
    expect(await names((q) => q.where('surname', 'startsWith', 'kh'))).toEqual(['Amal', 'basma']);
    expect(await names((q) => q.where('surname', 'contains', '_'))).toEqual(['100%']);
    expect(await names((q) => q.where('given_name', 'startsWith', '100%'))).toEqual(['100%']);
    expect(await names((q) => q.where('camp', 'isNull', true))).toEqual(['basma']);
    expect(await names((q) => q.where('camp', 'ne', 'North'))).toEqual(['Celine', 'basma']);
    expect(await names((q) => q.where('camp', 'in', ['South', 'x']))).toEqual(['Celine']);
    expect(await names((q) => q.where('camp', 'in', []))).toEqual([]);
    expect(
      await names((q) => q.any((c) => [c('camp', 'eq', 'South'), c.all(c('surname', 'eq', 'a_b'))]))
    ).toEqual(['100%', 'Celine']);
    const ordered = patients().query((q) => q.where('camp', 'isNull', false).orderBy('surname', 'desc'));
    expect((await ordered.page()).rows.map((row) => row.surname)).toEqual(['a_b', 'Khalil', 'Aziz']);
    expect(await ordered.count()).toBe(3);
    expect((await ordered.first())?.surname).toBe('a_b');
    const bad = [
      patients().query((q) => q.where('nope' as never, 'eq', 1 as never)).page(),
      patients().query((q) => q.where('camp', 'like' as never, '%' as never)).page(),
      patients().query((q) => q.where('camp', 'eq', null as never)).page(),
      patients().query((q) => q.orderBy('1; DROP TABLE patients' as never)).page(),
    ];
    for (const page of bad) expect(await codeOf(page)).toBe('invalid_input');
  });

  test('large results come in pages, each row once', async () => {
    await vault.batch((batch) => {
      for (let i = 0; i < 2_500; i++) batch.create('patients', { given_name: `n${i}` });
    });
    const seen = new Set<string>();
    const sizes: number[] = [];
    for await (const rows of patients().query().pages()) {
      sizes.push(rows.length);
      for (const row of rows) seen.add(row.id);
    }
    expect(sizes).toEqual([1000, 1000, 500]);
    expect(seen.size).toBe(2_500);
    const small: number[] = [];
    for await (const rows of patients().query((q) => q.limit(1_300)).pages()) small.push(rows.length);
    expect(small).toEqual([1300, 1200]);
  });

  test('one notice per transaction, with the records it touched', async () => {
    const changes: { tables: readonly { table: string; ids: readonly string[] | null }[] }[] = [];
    const stop = vault.onChange((change) => changes.push(change));
    const ids = await vault.batch((batch) => {
      batch.create('patients', PATIENT);
      batch.create('patients', PATIENT);
    });
    await patients().update(ids[0] ?? '', { surname: PATIENT.surname });
    await patients().update(ids[0] ?? '', { surname: 'Other' });
    await until(() => changes.length >= 2);
    const touched = changes.map(({ tables }) => tables.map(({ table, ids: i }) => [table, [...(i ?? [])].sort()]));
    expect(touched).toEqual([[['patients', [...ids].sort()]], [['patients', [ids[0]]]]]);
    stop();
  });

  test('a record is followed also where a look at its change was given up', async () => {
    const id = await patients().create(PATIENT);
    const live = patients().live(id);
    const name = () => live.get().value?.given_name;
    live.subscribe(() => {})();
    const shown = live.subscribe(() => {});
    await until(() => name() === PATIENT.given_name);
    shown();
    await patients().update(id, { given_name: 'Noor' });
    live.subscribe(() => {})();
    await patients().find(id);
    const again = live.subscribe(() => {});
    await until(() => name() === 'Noor');
    again();
  });

  test('an observed query follows the store, and is quiet where nothing changed', async () => {
    const seen: string[][] = [];
    const stop = patients()
      .query((q) => q.where('camp', 'eq', 'North').orderBy('given_name'))
      .observe((rows) => seen.push(rows.map((row) => row.given_name ?? '')));
    await until(() => seen.length >= 1);
    const id = await patients().create({ given_name: 'A', camp: 'North' });
    await until(() => seen.length >= 2);
    await patients().create({ given_name: 'elsewhere', camp: 'South' });
    await patients().update(id, { given_name: 'B' });
    await until(() => seen.length >= 3);
    expect(seen).toEqual([[], ['A'], ['B']]);
    const one: unknown[] = [];
    const stopOne = patients().observe(id, (row) => one.push(row?.given_name));
    await until(() => one.length >= 1);
    await patients().delete(id);
    await until(() => seen.length >= 4 && one.length >= 2);
    expect(one).toEqual(['B', undefined]);
    stop();
    stopOne();
  });
}
