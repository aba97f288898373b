// Runs React Native's codegen over the contract, as an app's build does.
//   node codegen.cjs DIRECTORY    writes java/ and jni/ for Android, RNAmanaSpec/ for iOS
'use strict';
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const combine = require('@react-native/codegen/lib/cli/combine/combine-js-to-schema');
const generator = require('@react-native/codegen/lib/generators/RNCodegen');
const { codegenConfig } = require('../../package.json');

const outputDirectory = process.argv[2];
if (!outputDirectory) {
  console.error('usage: codegen.cjs DIRECTORY');
  process.exit(2);
}
mkdirSync(outputDirectory, { recursive: true });
const schema = combine.combineSchemasInFileList(
  [join(__dirname, 'src/NativeAmana.ts')],
  null,
  null
);
const written = generator.generate(
  {
    libraryName: codegenConfig.name,
    schema,
    outputDirectory,
    packageName: codegenConfig.android.javaPackageName,
    assumeNonnull: false,
    useLocalIncludePaths: false,
  },
  { generators: ['modulesAndroid', 'modulesIOS'], test: false }
);
if (!written) process.exit(1);
