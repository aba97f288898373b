// bundle.cjs PLATFORM OUT: bundles the example, as a release build does.
const path = require('path');
const { loadConfig, runBuild } = require('metro');

async function main([platform, out]) {
  const example = path.join(__dirname, '../example');
  const config = await loadConfig({
    config: path.join(example, 'metro.config.cjs'),
    maxWorkers: 1,
  });
  await runBuild(config, { entry: path.join(example, 'index.js'), platform, dev: false, minify: false, out });
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  }
);
