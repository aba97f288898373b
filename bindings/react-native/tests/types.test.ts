/** What the compiler has to refuse, and that the generated types are those of the schema. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Vault } from 'react-native-amana';

const ROOT = join(__dirname, '../../..');
const PROGRAM = join(ROOT, 'bindings/react-native/bin/amana-types.mjs');
const run = (...args: string[]) =>
  execFileSync(process.execPath, [PROGRAM, ...args], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });

interface NotesSchema {
  notes: {
    row: { id: string; text: string; mark: number | null };
    insert: { id?: string; text: string; mark?: number | null };
    update: { text?: string; mark?: number | null };
  };
}

/** Never called: compiled only. */
export function compiled(vault: Vault, notes: Vault<NotesSchema>): void {
  const patients = vault.table('patients');
  void patients.create({ given_name: 'Amal' });
  void patients.query((q) => q.where('camp', 'in', ['a']).where('camp', 'isNull', true));
  // @ts-expect-error no such table
  vault.table('nothing');
  // @ts-expect-error no such column
  void patients.create({ name: 'Amal' });
  // @ts-expect-error text, not a number
  void patients.create({ given_name: 5 });
  // @ts-expect-error only the store sets it
  void patients.create({ updated_at: 5 });
  // @ts-expect-error the server alone writes clinics
  void vault.table('clinics').create({ name: 'x' });
  // @ts-expect-error no such column
  patients.query((q) => q.where('nope', 'eq', 'x'));
  // @ts-expect-error text is not searched in numbers
  patients.query((q) => q.where('created_at', 'contains', '1'));
  // @ts-expect-error null has an operator of its own
  patients.query((q) => q.where('camp', 'eq', null));
  // @ts-expect-error a list is compared by in
  patients.query((q) => q.where('camp', 'eq', ['a']));
  const visits = vault.table('visits').query((q) => q.include('patient_id').includeAll('events', 'visit_id'));
  void visits.first().then((visit) => {
    const name: string | null | undefined = visit?.$related.patient_id?.given_name;
    const types: (string | null)[] | undefined = visit?.$related.events.map((event) => event.event_type);
    // @ts-expect-error nothing else was included
    void visit?.$related.clinic_id;
    return [name, types, visit?.provider_name];
  });
  // @ts-expect-error no reference
  vault.table('visits').query((q) => q.include('provider_name'));
  // @ts-expect-error users are never stored
  vault.table('visits').query((q) => q.include('provider_id'));
  // @ts-expect-error it refers to patients
  vault.table('visits').query((q) => q.includeAll('events', 'patient_id'));
  void patients.query().first().then((patient) => {
    // @ts-expect-error nothing was included
    void patient?.$related;
  });
  patients.query((q) => q.not((is) => is.any(is('camp', 'eq', 'x'), is('sex', 'isNull', true))));
  // @ts-expect-error no such column
  patients.query((q) => q.not((is) => is('nope', 'eq', 'x')));
  void notes.table('notes').create({ text: 'x' });
  // @ts-expect-error the column needs a value
  void notes.table('notes').create({ mark: 1 });
}

test('the types of the built-in schema are up to date', () => {
  run(
    ...['core/src/model/hikma.json', '--name', 'HikmaSchema', '--from', './schema.ts'],
    ...['--out', 'bindings/react-native/src/hikma.ts'],
    ...['--data', 'bindings/react-native/src/jest/hikma-schema.ts', '--check']
  );
});

test('amana-types writes the types of an app, and refuses what is no schema', () => {
  const folder = mkdtempSync(join(tmpdir(), 'amana-types-'));
  try {
    const [schema, out] = [join(folder, 'schema.json'), join(folder, 'schema.ts')];
    const columns = [
      { name: 'id', role: 'id' },
      { name: 'text', role: 'text' },
      { name: 'at', role: 'instant' },
      { name: 'data', role: 'json', default: '[]', nullable: true },
      { name: 'secret', role: 'text', hidden: true },
    ];
    writeFileSync(
      schema,
      JSON.stringify({ version: 3, tables: [{ name: 'notes', direction: 'both', columns }] })
    );
    run(schema, '--out', out);
    const text = readFileSync(out, 'utf8');
    expect(text).toContain("import type { JsonInput } from 'react-native-amana';");
    expect(text).toContain('export interface AppSchema {');
    expect(text).toMatch(/insert: \{\s+id\?: string;\s+text\?: string;\s+at: number;\s+data\?: JsonInput \| null;/);
    expect(text).not.toContain('secret');
    expect(run(schema)).toBe(text);
    run(schema, '--out', out, '--check');
    writeFileSync(out, 'old');
    expect(() => run(schema, '--out', out, '--check')).toThrow();
    writeFileSync(schema, '{"tables":[{"name":"x","columns":[{"name":"id","role":"odd"}]}]}');
    expect(() => run(schema)).toThrow();
    expect(() => run()).toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
