'use strict';
/**
 * The Expo config plugin: `"plugins": ["react-native-amana"]`, or with options:
 *
 *   ["react-native-amana", {
 *     "faceIDPermission": "…" | false,         text of the Face ID prompt; false: leave it out
 *     "localNetworkPermission": "…" | false,   text of the local-network prompt, for hubs
 *     "backgroundModes": ["fetch", "processing"],   iOS; none where it is left out
 *     "backupRules": "amana" | "own"           "own": the app has its own rules, with our excludes
 *   }]
 */
const fs = require('fs');
const path = require('path');
const {
  AndroidConfig,
  createRunOncePlugin,
  withAndroidManifest,
  withDangerousMod,
  withInfoPlist,
} = require('expo/config-plugins');

const { RESOURCES, changeApplication, changeInfoPlist, readOptions } = require('./changes');
const { name, version } = require('../../../package.json');

function withAmana(config, given) {
  const options = readOptions(given);
  config = withAndroidManifest(config, (mod) => {
    const application = AndroidConfig.Manifest.getMainApplicationOrThrow(mod.modResults);
    changeApplication(application, options);
    return mod;
  });
  if (options.backupRules === 'amana') {
    config = withDangerousMod(config, [
      'android',
      (mod) => {
        const res = path.join(mod.modRequest.platformProjectRoot, 'app/src/main/res');
        for (const [file, text] of Object.entries(RESOURCES)) {
          const target = path.join(res, file);
          fs.mkdirSync(path.dirname(target), { recursive: true });
          fs.writeFileSync(target, text);
        }
        return mod;
      },
    ]);
  }
  return withInfoPlist(config, (mod) => {
    changeInfoPlist(mod.modResults, options);
    return mod;
  });
}

module.exports = createRunOncePlugin(withAmana, name, version);
