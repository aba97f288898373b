/**
 * @jest-environment node
 *
 * The example goes through Metro and through Hermes's compiler, for both platforms.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const COMPILER = join(
  dirname(require.resolve('hermes-compiler/package.json')),
  'hermesc',
  { linux: 'linux64-bin/hermesc', darwin: 'osx-bin/hermesc', win32: 'win64-bin/hermesc.exe' }[
    process.platform as 'linux'
  ]
);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amana-bundle-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each(['android', 'ios'])('the example for %s', (platform) => {
  const bundle = join(folder, 'index.bundle.js');
  // a process of its own: Metro's transform is not jest's
  execFileSync(process.execPath, [join(__dirname, 'bundle.cjs'), platform, bundle], {
    cwd: ROOT,
    stdio: 'pipe',
  });
  const text = readFileSync(bundle, 'utf8');
  // the package's own code is in it, and the mock is not
  expect(text).toContain('this vault is open with another configuration');
  expect(text).not.toContain('the mock failed');
  const bytecode = join(folder, 'index.hbc');
  execFileSync(COMPILER, ['-emit-binary', '-O', '-w', '-out', bytecode, bundle], { stdio: 'pipe' });
  expect(statSync(bytecode).size).toBeGreaterThan(100_000);
});
