'use strict';
/**
 * What the config plugin changes in the files of an app: pure functions on their contents. Each may run
 * again on its own result and then changes nothing.
 */

// resources of the Android library, which Gradle merges into the app
const EXTRACTION_RULES = '@xml/amana_data_extraction_rules';
const BACKUP_CONTENT = '@xml/amana_backup_rules';

/** Where native code keeps vaults: outside of backups by itself, and excluded once more by name. */
const EXCLUDED = [
  ['root', 'no_backup/amana'],
  ['file', 'amana'],
];

/** Backup rules and no cleartext, in the `<application>` of a parsed manifest. */
function changeApplication(application, { backupRules }) {
  const attributes = application.$;
  attributes['android:usesCleartextTraffic'] = 'false';
  if (backupRules === 'own') return;
  setRule(attributes, 'android:dataExtractionRules', EXTRACTION_RULES);
  setRule(attributes, 'android:fullBackupContent', BACKUP_CONTENT);
}

function setRule(attributes, name, value) {
  const present = attributes[name];
  if (present !== undefined && present !== value && present !== 'true') {
    throw new Error(
      `react-native-amana: ${name} is ${present} already. An app has one file of backup rules: ` +
        `exclude ${EXCLUDED.map(([domain, path]) => `${domain}:${path}`).join(' and ')} there, ` +
        'and give the plugin { "backupRules": "own" }.'
    );
  }
  attributes[name] = value;
}

const TEXTS = {
  faceIDPermission: [
    'NSFaceIDUsageDescription',
    'Allow $(PRODUCT_NAME) to open your records with Face ID.',
  ],
  localNetworkPermission: [
    'NSLocalNetworkUsageDescription',
    "Allow $(PRODUCT_NAME) to sync with the clinic's own hub on this network.",
  ],
};

/** Usage texts, and background modes only where they are asked for, in a parsed Info.plist. */
function changeInfoPlist(plist, options) {
  for (const [option, [key, standard]] of Object.entries(TEXTS)) {
    const text = options[option];
    if (text === false) continue;
    // the app's own text is better than the standard one, not than one that is asked for
    if (typeof text === 'string') plist[key] = text;
    else plist[key] ??= standard;
  }
  if (options.backgroundModes.length > 0) {
    const modes = new Set([...(plist.UIBackgroundModes ?? []), ...options.backgroundModes]);
    plist.UIBackgroundModes = [...modes];
  }
}

const MODES = ['fetch', 'processing'];

/** The options with their defaults; throws for what is none. */
function readOptions(given) {
  const options = { backupRules: 'amana', backgroundModes: [], ...(given ?? {}) };
  const fail = (what) => {
    throw new Error(`react-native-amana: ${what}`);
  };
  for (const [name, value] of Object.entries(options)) {
    if (name === 'faceIDPermission' || name === 'localNetworkPermission') {
      const fits =
        value === undefined || value === false || (typeof value === 'string' && value !== '');
      if (!fits) fail(`${name} is a text, or false`);
    } else if (name === 'backupRules') {
      if (!['amana', 'own'].includes(value)) fail('backupRules is "amana" or "own"');
    } else if (name === 'backgroundModes') {
      const fits = Array.isArray(value) && value.every((mode) => MODES.includes(mode));
      if (!fits) fail(`backgroundModes is a list of ${MODES.join(', ')}`);
    } else {
      fail(`there is no option ${name}`);
    }
  }
  return options;
}

module.exports = { EXCLUDED, changeApplication, changeInfoPlist, readOptions };
