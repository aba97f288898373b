/** How a vault is opened: what an app may say, and when two say the same. */
import {
  canonical,
  checkBoolean,
  checkText,
  checkWhole,
  invalid,
  isPlainObject,
  toJson,
} from './check.ts';
import { fromBase64 } from './text.ts';

/** What stays where both sides changed a column. */
export type ConflictRule = 'local' | 'remote' | 'latest';

/** The time limits of each request; one that is left out is as usual. A request ended by one is `network`. */
export interface TimeLimits {
  /** Finding the address, connecting and agreeing on TLS; 10 seconds. */
  readonly connectMs?: number;
  /** From the start of a request to the first byte of the reply; two minutes, and what the bytes take. */
  readonly firstByteMs?: number;
  /** Without a byte, once the reply has begun; a minute. */
  readonly idleMs?: number;
  /** The whole request; half an hour, and what the bytes take. */
  readonly wholeMs?: number;
}

/** How a vault is made and opened. Everything has a default. */
export interface VaultConfig {
  /** Which of the app's vaults: a–z, 0–9, `-`, `_`, a letter first; `amana` where it is left out. */
  readonly name?: string;
  /**
   * `device` opens without a person, so background sync can work. `person` opens with a PIN or a finger
   * alone: for tablets that people share. For good; `device` where it is left out.
   */
  readonly policy?: 'device' | 'person';
  /** The app's own schema as data; Hikma's where it is left out. */
  readonly schema?: object;
  /** A vault that nothing uses for so long locks itself; 0 never; 5 minutes where it is left out. */
  readonly idleLockMs?: number;
  /** How device secrets are made. */
  readonly keyStore?: {
    /**
     * Secrets that can be used only while the device is unlocked, so not in the background. iOS: the
     * vault's files can be read only then, too, and an open vault is locked with the device. Android:
     * from API 35 (Android 15) on, and for opening alone; before, it has no effect. A secret keeps what
     * it was made with.
     */
    readonly strict?: boolean;
    /** Android: in the separate security chip where there is one (from API 28). Slow. */
    readonly strongBox?: boolean;
  };
  /** The organisation's public recovery key, 32 bytes in base64. For good. */
  readonly recoveryKey?: string;
  /** So many wrong PINs in a row destroy that person's slot. Off where it is left out. */
  readonly dropPinAfter?: number;
  /** How the cloud is asked: with the stored password, or with a token. */
  readonly cloudSync?: 'password' | 'token';
  /** The keys that the cloud's server may show, beside the ordinary checks; two at least. */
  readonly cloudPins?: {
    /** SHA-256 of each key's SubjectPublicKeyInfo, in base64. */
    readonly pins: readonly string[];
    /** After this they are not looked at, so that an app nobody updates does not lock itself out. */
    readonly expiresMs: number;
    /** Only counts what does not fit. */
    readonly reportOnly?: boolean;
  };
  /** The rules of syncing. */
  readonly sync?: {
    /**
     * With which kind of peer an edit has arrived; the cloud where it is left out. Where it is the hub, the hub
     * must bring it to the cloud, and a device pairs with one hub and no more: forget that one before another.
     */
    readonly lastWord?: 'cloud' | 'hub';
    /** What stays where both sides changed a column; `local` where it is left out. */
    readonly conflicts?: ConflictRule;
    /** The same, for single tables. */
    readonly tables?: Readonly<Record<string, ConflictRule>>;
    /** After how many days the cloud is asked for everything again; 0 only when it must be. */
    readonly cloudFullPullDays?: number;
    readonly hubFullPullDays?: number;
    /** How long each request to a peer may take, in milliseconds: 1 to 86,400,000, a day. */
    readonly timeLimits?: TimeLimits;
  };
}

/** A configuration that was looked at. */
export interface ReadConfig {
  readonly name: string;
  /** Equal for configurations that say the same. */
  readonly text: string;
  /** What the native module takes. */
  readonly json: string;
}

const RECOVERY_KEY_BYTES = 32;
/** The vault's name where an app has only one. */
const DEFAULT_NAME = 'amana';

/** Looks at a configuration. What only the core can tell is its to check: the schema, pins, rules. */
export function readConfig(config: VaultConfig): ReadConfig {
  if (!isPlainObject(config)) throw invalid('a configuration is an object');
  const name = checkName(config.name === undefined ? DEFAULT_NAME : config.name);
  for (const member of ['schema', 'keyStore', 'cloudPins', 'sync'] as const) {
    const value = config[member];
    if (value !== undefined && !isPlainObject(value)) throw invalid(`${member} is an object`);
  }
  for (const member of ['idleLockMs', 'dropPinAfter'] as const) {
    const value = config[member];
    if (value !== undefined) checkWhole(value, member, 0, Number.MAX_SAFE_INTEGER);
  }
  if (config.policy !== undefined) checkWord(config.policy, 'policy', ['device', 'person']);
  if (config.cloudSync !== undefined)
    checkWord(config.cloudSync, 'cloudSync', ['password', 'token']);
  for (const [member, value] of Object.entries(config.keyStore ?? {})) {
    if (value !== undefined) checkBoolean(value, member);
  }
  if (config.recoveryKey !== undefined) checkRecoveryKey(config.recoveryKey);
  // what is undefined is not said, and the order says nothing
  const said = canonical({ ...config, name }) as Record<string, unknown>;
  const { policy: _, recoveryKey: __, ...forNative } = said;
  return { name, text: toJson(said), json: toJson(forNative) };
}

function checkName(name: unknown): string {
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]{0,47}$/.test(name)) {
    throw invalid('a vault is named by a-z, 0-9, - and _, at most 48, a letter first');
  }
  return name;
}

function checkWord(value: unknown, what: string, words: readonly string[]): void {
  if (!words.includes(value as string)) throw invalid(`${what} is ${words.join(' or ')}`);
}

function checkRecoveryKey(key: unknown): void {
  const bytes = fromBase64(checkText(key, 'recoveryKey'));
  if (bytes?.length !== RECOVERY_KEY_BYTES) throw invalid('recoveryKey is 32 bytes in base64');
}
