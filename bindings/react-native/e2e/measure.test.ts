/** Prints what calls through the whole bridge cost. Asserts what they answer, and nothing of the time. */
import { openVault } from '../src/index.ts';
import { aName, theModule } from './app.ts';

theModule();

test('what calls cost through the whole bridge', async () => {
  const vault = await openVault({ name: aName() });
  const patients = vault.table('patients');
  const rows = 10_000;
  await vault.batch((batch) => {
    for (let i = 0; i < rows; i++) {
      const fields = { given_name: `Given ${i}`, surname: `Surname ${i}`, camp: 'North', phone: `${i}` };
      batch.create('patients', fields);
    }
  });
  const lines: string[] = [];
  let begin = performance.now();
  let read = 0;
  for await (const page of patients.query((q) => q.limit(1000)).pages()) read += page.length;
  lines.push(`query: ${Math.round((read / (performance.now() - begin)) * 1000)} rows a second`);
  expect(read).toBe(rows);

  await vault.storage.setItem('language', 'ar');
  begin = performance.now();
  for (let i = 0; i < 1000; i++) vault.storage.getItemSync('language');
  lines.push(`getItemSync: ${Math.round(performance.now() - begin)} µs a call`);
  process.stdout.write(`${lines.join('\n')}\n`);
  await vault.close();
});
