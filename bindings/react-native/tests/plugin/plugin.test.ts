/**
 * @jest-environment node
 *
 * The Expo config plugin, run by Expo's own machinery on the files that a prebuild writes.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compileModsAsync } from '@expo/config-plugins';

type Config = Parameters<typeof compileModsAsync>[0];
// eslint-disable-next-line @typescript-eslint/no-require-imports
const withAmana = require('../../../../app.plugin.js') as (config: Config, options?: object) => Config;

const FIXTURE = join(__dirname, '../fixtures/prebuild');
const MANIFEST = 'android/app/src/main/AndroidManifest.xml';
const LIBRARY = join(__dirname, '../../../../android/src/main/res/xml');
const PLIST = 'ios/Clinic/Info.plist';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'amana-prebuild-'));
  cpSync(FIXTURE, project, { recursive: true });
});
afterEach(() => rmSync(project, { recursive: true }));

interface Changes {
  readonly EXCLUDED: readonly (readonly [string, string])[];
  changeApplication(application: object, options: object): void;
}
const changes = () => jest.requireActual<Changes>('../../plugin/changes.js');

const read = (file: string) => readFileSync(join(project, file), 'utf8');

async function prebuild(options?: object): Promise<void> {
  const config: Config = {
    name: 'Clinic',
    slug: 'clinic',
    android: { package: 'com.example.clinic' },
    ios: { bundleIdentifier: 'com.example.clinic' },
    _internal: { projectRoot: project },
  };
  await compileModsAsync(withAmana(config, options), {
    projectRoot: project,
    platforms: ['android', 'ios'],
  });
}

/** Every file with its text. */
function snapshot(): Record<string, string> {
  const files = readdirSync(project, { recursive: true }) as string[];
  const plain = files.filter((file) => statSync(join(project, file)).isFile()).sort();
  return Object.fromEntries(plain.map((file) => [file, read(file)]));
}

test('without options: backup rules, no cleartext, usage texts, no background modes', async () => {
  await prebuild();
  const manifest = read(MANIFEST);
  expect(manifest).toContain('android:usesCleartextTraffic="false"');
  expect(manifest).toContain('android:dataExtractionRules="@xml/amana_data_extraction_rules"');
  expect(manifest).toContain('android:fullBackupContent="@xml/amana_backup_rules"');
  const plist = read(PLIST);
  expect(plist).toContain('<key>NSFaceIDUsageDescription</key>');
  expect(plist).toContain('<key>NSLocalNetworkUsageDescription</key>');
  expect(plist).not.toContain('UIBackgroundModes');
});

test('a second run changes nothing', async () => {
  await prebuild({ backgroundModes: ['fetch'] });
  const before = snapshot();
  await prebuild({ backgroundModes: ['fetch'] });
  expect(snapshot()).toEqual(before);
});

test('with options', async () => {
  await prebuild({
    faceIDPermission: 'To open the records.',
    localNetworkPermission: false,
    backgroundModes: ['fetch', 'processing'],
    backupRules: 'own',
  });
  const plist = read(PLIST);
  expect(plist).toContain('<string>To open the records.</string>');
  expect(plist).not.toContain('NSLocalNetworkUsageDescription');
  expect(plist).toMatch(/UIBackgroundModes<\/key>\s+<array>\s+<string>fetch<\/string>\s+<string>processing/);
  expect(read(MANIFEST)).toContain('android:usesCleartextTraffic="false"');
  expect(read(MANIFEST)).not.toContain('dataExtractionRules');
});

test('the rules that the manifest names are resources of the Android library', () => {
  const { EXCLUDED } = changes();
  for (const name of ['amana_data_extraction_rules', 'amana_backup_rules']) {
    const rules = readFileSync(join(LIBRARY, `${name}.xml`), 'utf8');
    for (const [domain, path] of EXCLUDED) {
      expect(rules).toContain(`<exclude domain="${domain}" path="${path}" />`);
    }
  }
  const extraction = readFileSync(join(LIBRARY, 'amana_data_extraction_rules.xml'), 'utf8');
  expect(extraction).toMatch(/<cloud-backup>\s+<exclude[\s\S]*<device-transfer>\s+<exclude/);
});

test('the debug manifest, with which an app reaches Metro, stays as it was', async () => {
  const file = 'android/app/src/debug/AndroidManifest.xml';
  const before = read(file);
  await prebuild();
  expect(read(file)).toBe(before);
});

test('what is no option is refused, and so are foreign backup rules', async () => {
  for (const options of [
    { faceIDPermission: 5 },
    { backgroundModes: ['audio'] },
    { backupRules: 'none' },
    { colour: 'red' },
  ]) {
    await expect(prebuild(options)).rejects.toThrow('react-native-amana:');
  }
  const application = { $: { 'android:fullBackupContent': '@xml/secure_store_backup_rules' } };
  expect(() => changes().changeApplication(application, { backupRules: 'amana' })).toThrow('"own"');
  changes().changeApplication(application, { backupRules: 'own' });
  expect(application.$['android:fullBackupContent']).toBe('@xml/secure_store_backup_rules');
});
