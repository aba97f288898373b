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
const {
  AndroidConfig,
  createRunOncePlugin,
  withAndroidManifest,
  withInfoPlist,
} = require('expo/config-plugins');

const { changeApplication, changeInfoPlist, readOptions } = require('./changes');
const { name, version } = require('../../../package.json');

function withAmana(config, given) {
  const options = readOptions(given);
  config = withAndroidManifest(config, (mod) => {
    const application = AndroidConfig.Manifest.getMainApplicationOrThrow(mod.modResults);
    changeApplication(application, options);
    return mod;
  });
  return withInfoPlist(config, (mod) => {
    changeInfoPlist(mod.modResults, options);
    return mod;
  });
}

module.exports = createRunOncePlugin(withAmana, name, version);
