/**
 * The jest mock: Amana in memory. Put `react-native-amana/jest` into jest's `setupFiles`, or import it
 * in a test, and the whole package works without a phone; it behaves as the real thing because the same
 * contract tests run on both. `amanaMock` is what a test does to it.
 *
 * The cloud that it syncs with is `amanaMock.cloud`; `amanaMock.hub()` sets up a clinic's hub to pair
 * with. A test puts rows there as another tablet would, deletes or loses them, has them refuse records or
 * be out of reach: so conflicts come into the ledger and are undone, records go into quarantine and are
 * released, and each record stands where it does, by the core's own rules (those of `sync` too).
 *
 * What it lacks, so that no test of an app proves it:
 * - any address that is https, with any e-mail and password, signs in, as a `provider` without a clinic;
 *   so at a hub, as one of its clinic, unless the test says whom it knows;
 * - servers take everything that no test has them refuse, and rule on nothing else but what two tablets
 *   made by the same natural key: that is one record to the cloud; one that was deleted here meanwhile is
 *   not found again by its key;
 * - hub and cloud meet only in the vaults that sync with both; rights that a hub gives are taken as they are;
 * - that a server did not keep what it had taken is seen at its first pull after it, and not for a day, and
 *   that somebody wrote over it by way of another server is not seen;
 * - no network fails by itself, and a sync that fails tries nothing again by itself. `nextTryMs` is the
 *   longest that the core would wait;
 * - a vault is damaged whole or not at all, and nothing looks for damage in an open one;
 * - nothing is encrypted and nothing outlives the process; digests compare mocks with mocks alone.
 */
import type { RecoveryRequest } from '../NativeAmana.ts';
import { setNative } from '../native.ts';
import { forgetVaults } from '../vault.ts';
import type { MemoryCloud } from './cloud.ts';
import type { HubSetUp, MemoryHub } from './hub.ts';
import { MemoryNative } from './memory-native.ts';
import { answerTo } from './recovery.ts';

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
  /**
   * Damages a locked vault whole: it is refused with `database_damaged`, and a salvage saves nothing of it.
   * The vault that the app named none is `amana`.
   */
  damage(name: string): void {
    memory.damage(name);
  },
  /** The phone's key store loses a vault's secrets: every way in but a recovery is `key_lost`. */
  loseSecrets(name: string): void {
    memory.loseSecrets(name);
  },
  /** The organisation's answer to a request for recovery. */
  answerRecovery({ request }: RecoveryRequest): string {
    return answerTo(request);
  },
  /** The cloud that the mock syncs with. */
  get cloud(): MemoryCloud {
    return memory.cloud;
  },
  /** Sets up a hub; `pairHub` takes its `qr`. Another one for each call. */
  hub(setUp?: HubSetUp): MemoryHub {
    return memory.hub(setUp);
  },
};

export type { MemoryCloud } from './cloud.ts';
export type { HubSetUp, MemoryHub } from './hub.ts';
export { MemoryNative } from './memory-native.ts';
export type { RefusedRecord } from './peer-store.ts';
