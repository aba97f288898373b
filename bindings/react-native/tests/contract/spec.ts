/** The native module's methods, as codegen reads them from the contract. */
import path from 'node:path';

export interface Method {
  readonly name: string;
  readonly params: readonly {
    readonly name: string;
    readonly nullable: boolean;
    /** Codegen's word, such as `StringTypeAnnotation`. */
    readonly type: string;
  }[];
}

interface Typed {
  readonly type: string;
}
interface Read {
  readonly name: string;
  readonly typeAnnotation: {
    readonly params: readonly {
      readonly name: string;
      readonly typeAnnotation: Typed & { readonly typeAnnotation?: Typed };
    }[];
  };
}

/* eslint-disable-next-line @typescript-eslint/no-require-imports */
const codegen = require('@react-native/codegen/lib/cli/combine/combine-js-to-schema') as {
  combineSchemasInFileList(
    files: string[],
    platform: null,
    exclude: null
  ): { readonly modules: Record<string, { readonly spec: { readonly methods: readonly Read[] } }> };
};
const file = path.join(__dirname, '../../src/NativeAmana.ts');
const [contract] = Object.values(codegen.combineSchemasInFileList([file], null, null).modules);

export const methods: readonly Method[] = (contract?.spec.methods ?? []).map(
  ({ name, typeAnnotation }) => ({
    name,
    params: typeAnnotation.params.map((param) => ({
      name: param.name,
      nullable: param.typeAnnotation.type === 'NullableTypeAnnotation',
      type: (param.typeAnnotation.typeAnnotation ?? param.typeAnnotation).type,
    })),
  })
);
