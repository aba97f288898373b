/** Negations, and the related records that a page brings along. */
import type { Vault } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import { native } from '../../src/native.ts';
import type { Harness } from './harness.ts';
import { codeOf, freshName, until } from './harness.ts';

export function relatedContract(_harness: Harness): void {
  let vault: Vault;
  beforeEach(async () => {
    vault = await openVault({ name: freshName() });
  });
  afterEach(() => vault.close());
  const patients = () => vault.table('patients');
  const visits = () => vault.table('visits');

  test('a negation finds exactly the others, null or not', async () => {
    for (const [given_name, camp] of [['A', 'North'], ['B', 'South'], ['C', null]] as const) {
      await patients().create({ given_name, camp });
    }
    type Build = Parameters<ReturnType<typeof patients>['query']>[0];
    const names = async (query: Build) =>
      (await patients().query(query).page()).rows.map((row) => row.given_name).sort();
    expect(await names((q) => q.not((is) => is('camp', 'eq', 'North')))).toEqual(['B', 'C']);
    expect(await names((q) => q.not((is) => is('camp', 'isNull', true)))).toEqual(['A', 'B']);
    expect(await names((q) => q.not((is) => is('camp', 'lt', 'Z')))).toEqual(['C']);
    expect(await names((q) => q.not((is) => is.not(is('camp', 'eq', 'North'))))).toEqual(['A']);
    expect(await names((q) => q.not((is) => is.any()))).toEqual(['A', 'B', 'C']);
    const neither = patients().query((q) =>
      q.any((is) => [is.not(is.any(is('camp', 'eq', 'South'), is('given_name', 'eq', 'C')))])
    );
    expect((await neither.page()).rows.map((row) => row.given_name)).toEqual(['A']);
    expect(await neither.count()).toBe(1);
  });

  test('a query is nested 32 deep and no deeper', async () => {
    const nested = (levels: number) =>
      patients().query((q) =>
        q.not((is) => {
          let condition = is('camp', 'isNull', true);
          for (let i = 1; i < levels; i++) condition = is.not(condition);
          return condition;
        })
      );
    expect(await nested(32).count()).toBe(0);
    expect(await codeOf(() => nested(33).count())).toBe('invalid_input');
    expect(await codeOf(() => nested(100).count())).toBe('invalid_input');
  });

  test('a page brings along whom its records refer to, and who refers to them', async () => {
    const amal = await patients().create({ given_name: 'Amal' });
    const [first, second, third] = await vault.batch((batch) => {
      batch.create('visits', { patient_id: amal, provider_name: '1' });
      batch.create('visits', { patient_id: amal, provider_name: '2' });
      batch.create('visits', { patient_id: null, provider_name: '3' });
      batch.create('visits', { patient_id: '01890a5d-ac96-774b-bcce-b302099a8057', provider_name: '4' });
    });
    const events = await vault.batch((batch) => {
      batch.create('events', { patient_id: amal, visit_id: first ?? '' });
      batch.create('events', { patient_id: amal, visit_id: first ?? '' });
      batch.create('events', { patient_id: amal, visit_id: third ?? '' });
    });
    const found = visits().query((q) =>
      q.include('patient_id').includeAll('events', 'visit_id').orderBy('provider_name')
    );
    const { rows } = await found.page();
    expect(rows.map((row) => row.$related.patient_id?.given_name)).toEqual([
      'Amal',
      'Amal',
      undefined,
      undefined,
    ]);
    expect(rows[0]?.$related.patient_id).toBe(rows[1]?.$related.patient_id);
    expect(rows[0]?.$related.patient_id).toEqual(await patients().find(amal));
    expect(rows.map((row) => row.$related.events.map((event) => event.id))).toEqual([
      [...events.slice(0, 2)].sort(),
      [],
      [events[2]],
      [],
    ]);
    expect(Object.isFrozen(rows[0]?.$related)).toBe(true);
    expect(await found.count()).toBe(4);
    expect((await found.first())?.$related.events).toHaveLength(2);

    // each page has its own
    const sizes: number[] = [];
    const pages = visits().query((q) => q.include('patient_id').limit(1).orderBy('provider_name')).pages();
    for await (const [row] of pages) sizes.push(row?.$related.patient_id === null ? 0 : 1);
    expect(sizes).toEqual([1, 1, 0, 0]);
    expect(second).toEqual(expect.any(String));
  });

  test('only declared relations, each once, and eight at most', async () => {
    const text = (include: unknown) =>
      codeOf(
        // past the builder's types
        visits().query((q) => (include as (all: typeof q) => typeof q)(q)).page()
      );
    type Loose = { include(column: string): Loose; includeAll(table: string, column: string): Loose };
    expect(await text((q: Loose) => q.include('provider_name'))).toBe('invalid_input');
    expect(await text((q: Loose) => q.include('nope'))).toBe('invalid_input');
    expect(await text((q: Loose) => q.include('id'))).toBe('invalid_input');
    expect(await text((q: Loose) => q.include('provider_id'))).toBe('forbidden_table');
    expect(await text((q: Loose) => q.includeAll('users', 'id'))).toBe('forbidden_table');
    expect(await text((q: Loose) => q.includeAll('nothing', 'visit_id'))).toBe('invalid_input');
    expect(await text((q: Loose) => q.includeAll('events', 'patient_id'))).toBe('invalid_input');
    expect(await text((q: Loose) => q.includeAll('events', 'event_type'))).toBe('invalid_input');
    expect(await codeOf(() => visits().query((q) => q.include('patient_id').include('patient_id')))).toBe(
      'invalid_input'
    );
    // what the builder cannot say
    const ask = (include: unknown) =>
      codeOf(
        native()
          .queryRecords(vault.handle, 'visits', JSON.stringify({ include }))
          .catch((error: { code: string }) => {
            throw Object.assign(new Error(), { name: 'AmanaError', code: error.code });
          })
      );
    const patient = { column: 'patient_id' };
    for (const bad of [
      'patient_id',
      {},
      [null],
      ['patient_id'],
      [{}],
      [{ column: 5 }],
      [{ ...patient, include: [patient] }],
      [patient, patient],
      Array.from({ length: 9 }, () => patient),
    ]) {
      expect([bad, await ask(bad)]).toEqual([bad, 'invalid_input']);
    }
  });

  test('related records are bounded, and the error says what to do', async () => {
    const amal = await patients().create({ given_name: 'Amal' });
    for (let i = 0; i < 2; i++) {
      await vault.batch((batch) => {
        for (let n = 0; n < 5_001; n++) batch.create('visits', { patient_id: amal });
      });
    }
    const all = patients().query((q) => q.includeAll('visits', 'patient_id'));
    const error: unknown = await all.page().catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'value_too_large', at: 'visits' });
    expect((await patients().query().page()).rows).toHaveLength(1);
  });

  test('an observed query follows what it includes, and keeps what did not change', async () => {
    const amal = await patients().create({ given_name: 'Amal' });
    const basma = await patients().create({ given_name: 'Basma' });
    const results = patients().query((q) => q.includeAll('visits', 'patient_id').orderBy('given_name'));
    type Rows = Awaited<ReturnType<typeof results.page>>['rows'];
    const seen: Rows[] = [];
    const stop = results.observe((rows) => seen.push(rows));
    await until(() => seen.length >= 1);
    const visit = await visits().create({ patient_id: basma });
    await until(() => seen.length >= 2);
    expect(seen[1]?.map((row) => row.$related.visits.length)).toEqual([0, 1]);
    expect(seen[1]?.[0]).toBe(seen[0]?.[0]);
    expect(seen[1]?.[1]).not.toBe(seen[0]?.[1]);
    await visits().update(visit, { provider_name: 'Dr Noor' });
    await until(() => seen.length >= 3);
    expect(seen[2]?.[1]?.$related.visits[0]?.provider_name).toBe('Dr Noor');
    // of another table: nothing to say
    await vault.table('patient_additional_attributes').create({
      patient_id: amal,
      attribute_id: 'x',
      attribute: 'x',
    });
    await patients().update(amal, { camp: 'North' });
    await until(() => seen.length >= 4);
    expect(seen[3]?.[1]).toBe(seen[2]?.[1]);
    expect(seen).toHaveLength(4);
    stop();
  });
}
