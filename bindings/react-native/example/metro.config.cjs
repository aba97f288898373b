const path = require('path');
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');

const root = path.resolve(__dirname, '../../..');
const { name, exports: entries } = require('../../../package.json');

// inside this repository the package is its sources; an app elsewhere needs none of this
module.exports = mergeConfig(getDefaultConfig(__dirname), {
  watchFolders: [path.resolve(__dirname, '..'), path.join(root, 'node_modules')],
  resolver: {
    nodeModulesPaths: [path.join(root, 'node_modules')],
    resolveRequest: (context, wanted, platform) => {
      const entry = wanted.startsWith(name) ? entries[`.${wanted.slice(name.length)}`] : undefined;
      if (entry?.source === undefined) return context.resolveRequest(context, wanted, platform);
      return { type: 'sourceFile', filePath: path.join(root, entry.source) };
    },
  },
});
