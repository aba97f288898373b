/**
 * @jest-environment node
 *
 * The contract goes through the codegen of the oldest and of the newest React Native that is supported,
 * for both platforms, and uses no word that one of the generated languages reserves.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import manifest from '../../../package.json';

interface Parameter {
  readonly name: string;
}
interface Schema {
  readonly modules: Record<
    string,
    {
      readonly moduleName: string;
      readonly spec: {
        readonly eventEmitters: readonly Parameter[];
        readonly methods: readonly {
          readonly name: string;
          readonly typeAnnotation: { readonly params: readonly Parameter[] };
        }[];
      };
    }
  >;
}
interface Codegen {
  readonly parse: { combineSchemasInFileList(files: string[], platform: null, exclude: null): Schema };
  readonly generate: {
    generate(options: object, config: { generators: string[]; test: boolean }): boolean;
  };
}

const SPEC = join(__dirname, '../src/NativeAmana.ts');

function load(name: string): Codegen & { readonly version: string } {
  /* eslint-disable @typescript-eslint/no-require-imports */
  return {
    parse: require(`${name}/lib/cli/combine/combine-js-to-schema`) as Codegen['parse'],
    generate: require(`${name}/lib/generators/RNCodegen`) as Codegen['generate'],
    version: (require(`${name}/package.json`) as { version: string }).version,
  };
  /* eslint-enable @typescript-eslint/no-require-imports */
}

const CODEGENS = ['@react-native/codegen-oldest', '@react-native/codegen'].map(load);

/** Reserved in C++, Java, Kotlin, Objective-C or Swift, where codegen writes parameters as they are. */
const RESERVED = new Set(
  (
    'alignas alignof and asm auto bool break case catch char class const continue decltype default ' +
    'delete do double else enum explicit export extern false final float for friend fun goto if import ' +
    'in inline inout int interface internal is long mutable namespace new nil not nullptr object ' +
    'operator or package private protected protocol public register repeat return self short signed ' +
    'sizeof static struct super switch synchronized template this throw throws true try type typedef ' +
    'typename union unsigned using val var virtual void volatile when where while xor yes no'
  ).split(' ')
);

test('the supported versions are those of the manifest', () => {
  const oldest = CODEGENS[0]?.version.split('.').slice(0, 2).join('.');
  expect(manifest.peerDependencies['react-native']).toBe(`>=${oldest}.0`);
});

describe.each(CODEGENS)('codegen $version', ({ parse, generate }) => {
  const { codegenConfig } = manifest;
  const schema = parse.combineSchemasInFileList([SPEC], null, null);

  test('reads the contract', () => {
    const [module] = Object.values(schema.modules);
    expect(module?.moduleName).toBe('Amana');
    expect(codegenConfig.ios.modulesProvider).toHaveProperty('Amana');
    expect(module?.spec.eventEmitters).toHaveLength(5);
    for (const { name, typeAnnotation } of module?.spec.methods ?? []) {
      const words = [name, ...typeAnnotation.params.map((parameter) => parameter.name)];
      expect(words.filter((word) => RESERVED.has(word))).toEqual([]);
    }
  });

  test('writes both platforms', () => {
    const outputDirectory = mkdtempSync(join(tmpdir(), 'amana-codegen-'));
    try {
      const written = generate.generate(
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
      expect(written).toBe(true);
      const files = readdirSync(outputDirectory, { recursive: true }) as string[];
      const java = files.find((file) => file.endsWith('NativeAmanaSpec.java')) ?? '';
      const header = files.find((file) => file.endsWith('RNAmanaSpec/RNAmanaSpec.h')) ?? '';
      expect(readFileSync(join(outputDirectory, java), 'utf8')).toContain('void attachVault(');
      expect(readFileSync(join(outputDirectory, header), 'utf8')).toContain('- (void)attachVault:');
    } finally {
      rmSync(outputDirectory, { recursive: true });
    }
  });
});
