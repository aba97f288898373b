/**
 * What a contract test needs to know of the native module it runs on. The tests use the public API; the
 * module underneath is the mock, or the real library behind a bridge.
 */
import type { RecoveryRequest, Spec } from '../../src/NativeAmana.ts';

export interface Harness {
  /** The native module; called before each test. It may be the same: no two tests name one vault. */
  fresh(): Promise<Spec>;
  /** Lets go of the module of one test. */
  done(): Promise<void>;
  /** Moves the clock of the module forward; absent where its clock is the device's. */
  advance?(milliseconds: number): void;
  /** Where somebody listens who never says a word; asked in a test. Absent where no call takes time. */
  silent?: () => string;
  /** A cloud to sign in at; absent where there is none. */
  cloud?: CloudSide;
  /** Another cloud, which errs where a test lets it. Asked in a test, and answers for that test. */
  careless?: () => CarelessCloud;
  /** What happens to the phone; asked in a test, and answers for that test. */
  phone?: () => PhoneSide;
  /** A hub to pair with; absent where there is none. Asked in a test, and answers for that test. */
  hub?: () => HubSide;
}

export interface CloudSide {
  readonly url: string;
  readonly ca?: string;
  readonly email: string;
  readonly password: string;
  /** A clinic that it knows, and one that it does not: it refuses patients of that one. */
  readonly clinic: string;
  readonly nowhere: string;
}

export interface CarelessCloud extends CloudSide {
  /** It says of the next records that are pushed that it has them, and has them not. */
  dropPush(): Promise<void>;
  /** It shows nothing in any pull, until the returned function is called. */
  showNothing(): Promise<() => Promise<void>>;
}

/** A clinic's hub as a test needs it; the same one for all tests, or another for each. */
export interface HubSide {
  /** The text of its code, and what the code says: its address, its name as a peer, what it calls itself. */
  readonly qr: string;
  readonly url: string;
  readonly peer: string;
  readonly name: string;
  /** Of its people, which the cloud knows, too. */
  readonly clinic: string;
  /** Whom it knows, the person of `cloud` first. */
  readonly people: readonly [HubPerson, HubPerson];
  /** Where another hub answers, which has not this one's key. */
  readonly impostor: string;
  /** Holds its next reply to a pull until the returned function is called. */
  holdPull(): Promise<() => Promise<void>>;
}

/** What a test lets happen to a phone, and the organisation that helps. */
export interface PhoneSide {
  /** Damages a locked vault so that nothing of its database can be read. */
  damage(vault: string): void;
  /** Returns what loses the secrets of the one vault that was made since. */
  watchSecrets(): (vault: string) => void;
  /** Whoever stands in front of it confirms every prompt. */
  confirms(): void;
  /** The organisation's key, and its answer to a request. */
  readonly recoveryKey: string;
  answer(request: RecoveryRequest): string;
}

export interface HubPerson {
  readonly email: string;
  readonly password: string;
}

/** Where no hub answers. */
export const NOBODY = 'http://127.0.0.1:1';

/** A vault name that no other test uses. */
let count = 0;
export const freshName = (): string => `t${++count}`;

/** The id of nothing. */
export const NOWHERE = 'aaaaaaaa-0000-4000-8000-00000000dead';

export const PATIENT = { given_name: 'Amal', surname: 'Khalil', date_of_birth: '1980-02-03' };

/** The code of a rejection; fails where there is none. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    const { name, code } = error as { name?: unknown; code?: unknown };
    if (name !== 'AmanaError') throw error;
    return String(code);
  }
  throw new Error('the call succeeded');
}

/**
 * Lets so many milliseconds pass on the module's clock; a few only, since the device's clock goes by
 * itself and is looked at until it has.
 */
export async function passed(harness: Harness, milliseconds: number): Promise<void> {
  if (harness.advance !== undefined) return harness.advance(milliseconds);
  const end = Date.now() + milliseconds;
  await until(() => Date.now() >= end);
}

/** Resolves when the condition holds, looking at each event of the module and in between. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
