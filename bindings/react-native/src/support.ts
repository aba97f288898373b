/** What a team runs on a new kind of phone. */
import { canonical, checkBoolean, checkOptions, toJson } from './check.ts';
import type { KeyStoreReport } from './NativeAmana.ts';
import { call } from './native.ts';
import type { VaultConfig } from './vault.ts';

/** Checks on this very device that its key store does what vaults rely on. No vault is touched. */
export async function runKeyStoreSelfTest(
  options: NonNullable<VaultConfig['keyStore']> = {}
): Promise<KeyStoreReport> {
  for (const [member, value] of Object.entries(checkOptions(options))) {
    if (value !== undefined) checkBoolean(value, member);
  }
  const json = toJson(canonical(options));
  return call((module) => module.runKeyStoreSelfTest(json));
}
