// Builds `lib`: ES modules with their types, out of `src`. What `npm pack` takes along.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const lib = join(root, 'lib');
rmSync(lib, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
// the package itself is not "type": "module", since Expo loads app.plugin.js by require
writeFileSync(join(lib, 'package.json'), '{ "type": "module" }\n');
