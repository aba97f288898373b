const path = require('path');
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');

const root = path.resolve(__dirname, '../../..');

// inside this repository the package is its sources; an app elsewhere needs none of this
module.exports = mergeConfig(getDefaultConfig(__dirname), {
  watchFolders: [root],
  resolver: {
    extraNodeModules: { 'react-native-amana': root },
    unstable_conditionNames: ['source', 'react-native', 'require', 'import'],
    nodeModulesPaths: [path.join(root, 'node_modules')],
    blockList: [/[\\/]target[\\/].*/],
  },
});
