// resolve-packed.cjs APP: bundles every entry of the package that is installed in an app, with Metro's
// package exports on and off, and says where one leads elsewhere than its `default`.
const fs = require('fs');
const path = require('path');
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');
const { buildGraph } = require('metro');

const modules = path.join(__dirname, '../../../node_modules');

async function leads(app, unstable_enablePackageExports) {
  const home = path.join(app, 'node_modules/react-native-amana');
  const { name, exports: entries } = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));
  const wanted = Object.entries(entries).filter(([, entry]) => entry.default !== undefined);
  const names = wanted.map(([entry]) => name + entry.slice(1));
  const start = path.join(app, 'entries.js');
  fs.writeFileSync(start, names.map((each) => `import '${each}';\n`).join(''));
  const config = mergeConfig(getDefaultConfig(app), {
    projectRoot: app,
    // the rest is beside the package, or linked from here
    watchFolders: [app, modules],
    resolver: {
      unstable_enablePackageExports,
      nodeModulesPaths: [modules],
      // what the app brings is not looked at
      resolveRequest: (context, wanted, platform) =>
        wanted === 'react' || wanted === 'react-native' || wanted.startsWith('react/')
          ? { type: 'empty' }
          : context.resolveRequest(context, wanted, platform),
    },
    transformer: { babelTransformerPath: path.join(modules, '@react-native/metro-babel-transformer') },
    maxWorkers: 1,
    reporter: { update: () => undefined },
  });
  const graph = await buildGraph(config, { entries: [start], platform: 'android', dev: false });
  const found = [...graph.dependencies.get(start).dependencies.values()];
  return wanted.flatMap(([, entry], i) => {
    const place = found.find((each) => each.data.name === names[i])?.absolutePath;
    return place === path.join(home, entry.default) ? [] : [`${names[i]} leads to ${place}`];
  });
}

async function main([app]) {
  const home = fs.realpathSync(app);
  const wrong = [...(await leads(home, true)), ...(await leads(home, false))];
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(1);
  }
);
