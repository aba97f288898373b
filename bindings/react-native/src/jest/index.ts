/**
 * The jest mock: Amana in memory. Put `react-native-amana/jest` into jest's `setupFiles`, or import it
 * in a test, and the whole package works without a phone; it behaves as the real thing because the same
 * contract tests run on both. `amanaMock` is what a test does to it.
 *
 * The cloud that it syncs with is `amanaMock.cloud`. A test puts rows there as another tablet would,
 * deletes them, and has it refuse records: so conflicts come into the ledger and are undone, and records
 * go into quarantine and are released, by the core's own rules (those of `sync.conflicts` too).
 *
 * What it lacks, so that no test of an app proves it:
 * - any address that is https, with any e-mail and password, signs in, as a `provider` without a clinic;
 * - the cloud takes everything that no test has it refuse, and each pull asks it for everything: there are
 *   no cursors, no reconciliation and no missing records (`absent`), and what two tablets made by the same
 *   natural key stays two;
 * - that the cloud did not keep what it had taken is seen at the first pull after it, and not for a day;
 * - no network fails by itself, and nothing backs off: `failNext` lets a call fail;
 * - there is no hub: pairing one is `unsupported`, signing in at one `not_found`, the list is empty;
 * - salvage is `unsupported`, for a vault in memory is never damaged;
 * - nothing is encrypted and nothing outlives the process; digests compare mocks with mocks alone.
 */
import { setNative } from '../native.ts';
import { forgetVaults } from '../vault.ts';
import type { MemoryCloud } from './cloud.ts';
import { MemoryNative } from './memory-native.ts';

let memory = new MemoryNative();
setNative(memory);

/** What a test does to the mock. */
export const amanaMock = {
  /** Forgets every vault, as a fresh installation does. */
  reset(): void {
    memory = new MemoryNative();
    setNative(memory);
    forgetVaults();
  },
  /** Moves the mock's clock forward, for expiry and PIN delays. */
  advance(milliseconds: number): void {
    memory.advance(milliseconds);
  },
  /** Lets the next call of a method of the native module fail with this code. */
  failNext(...what: Parameters<MemoryNative['failNext']>): void {
    memory.failNext(...what);
  },
  /** Holds a sync until the returned function is called, for tests of progress and cancelling. */
  holdSync(): () => void {
    return memory.holdSync();
  },
  /** The cloud that the mock syncs with. */
  get cloud(): MemoryCloud {
    return memory.cloud;
  },
};

export type { MemoryCloud, RefusedRecord } from './cloud.ts';
export { MemoryNative } from './memory-native.ts';
