/** A "process" of the mock: its vaults, which are its disk, its clock, whom it can reach, its events. */
import type { AmanaErrorCode } from '../errors.ts';
import type {
  ChangeEvent,
  DamageEvent,
  KvChangeEvent,
  QuarantinedVault,
  Spec,
  SyncProgressEvent,
  VaultStateEvent,
} from '../NativeAmana.ts';
import { MemoryCloud } from './cloud.ts';
import { Emitter } from './emitter.ts';
import { failure, replyOf } from './failure.ts';
import hikma from './hikma-schema.ts';
import type { HubSetUp } from './hub.ts';
import { MemoryHub } from './hub.ts';
import { MemoryVault } from './memory-vault.ts';
import { checkSchema } from './schema-data.ts';

export abstract class NativeHome {
  protected readonly vaults = new Map<string, MemoryVault>();
  protected readonly aside = new Map<string, QuarantinedVault[]>();
  protected readonly handles = new Map<number, MemoryVault>();
  protected readonly cancels = new Map<number, () => void>();
  private readonly failures: { method: string; code: AmanaErrorCode; retryAfterMs?: number }[] = [];
  protected lastHandle = 0;
  private offset = 0;
  protected gate: Promise<void> | null = null;

  private readonly changes = new Emitter<ChangeEvent>();
  private readonly kvChanges = new Emitter<KvChangeEvent>();
  protected readonly progress = new Emitter<SyncProgressEvent>();
  private readonly states = new Emitter<VaultStateEvent>();
  private readonly damages = new Emitter<DamageEvent>();
  readonly onChange = this.changes.add as Spec['onChange'];
  readonly onKvChange = this.kvChanges.add as Spec['onKvChange'];
  readonly onSyncProgress = this.progress.add as Spec['onSyncProgress'];
  readonly onDamage = this.damages.add as Spec['onDamage'];
  readonly onVaultState = this.states.add as Spec['onVaultState'];

  // for tests

  /** The clock of the mock: the real one, moved by `advance`. */
  readonly now = (): number => Date.now() + this.offset;

  readonly cloud = new MemoryCloud(this.now);
  private readonly hubsAround: MemoryHub[] = [];

  /** Sets up a hub that can be reached from every vault. */
  hub(setUp?: HubSetUp): MemoryHub {
    const hub = new MemoryHub(this.now, this.hubsAround.length + 1, setUp);
    this.hubsAround.push(hub);
    return hub;
  }

  /** Whoever answers at an address of a hub. */
  protected hubAt(url: string): MemoryHub | null {
    return this.hubsAround.find((hub) => hub.url === url && hub.isReachable) ?? null;
  }

  /** Damages a locked vault: nothing of its database can be read any more. */
  damage(name: string): void {
    this.named(name).isDamaged = true;
  }

  /** The key store loses the secrets of a vault: of the device, of PINs, of presence. */
  loseSecrets(name: string): void {
    this.named(name).people.loseSecrets();
  }

  private named(name: string): MemoryVault {
    const vault = this.vaults.get(name);
    if (vault === undefined) throw new Error(`there is no vault ${name}`);
    return vault;
  }

  /** Moves the clock of the mock forward. */
  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }

  /** Lets the next call of a method fail. */
  failNext(method: keyof Spec, code: AmanaErrorCode, more: { retryAfterMs?: number } = {}): void {
    this.failures.push({ method, code, ...more });
  }

  /** Holds every sync before its end until the returned function is called. */
  holdSync(): () => void {
    let release = () => undefined as void;
    this.gate = new Promise((resolve) => (release = resolve));
    return () => {
      this.gate = null;
      release();
    };
  }

  protected make(name: string, schema: unknown): MemoryVault {
    const data = checkSchema(schema ?? hikma);
    const vault: MemoryVault = new MemoryVault(name, data, this.now, {
      records: (tables, fromPeer, revision) =>
        this.tell(vault, this.changes, { revision, fromPeer, tables }),
      values: (space, keys) => this.tell(vault, this.kvChanges, { space, keys }),
      state: (state) => this.tell(vault, this.states, { state }),
    });
    this.vaults.set(name, vault);
    return vault;
  }

  protected tell<E extends { handle: number }>(
    vault: MemoryVault,
    emitter: Emitter<E>,
    event: Omit<E, 'handle'>
  ): void {
    for (const handle of vault.handles) emitter.emit({ ...event, handle } as E);
  }

  protected drop(vault: MemoryVault, handle: number): void {
    if (vault.state !== 'closed') this.states.emit({ handle, state: 'closed' });
    vault.handles.delete(handle);
    this.handles.delete(handle);
  }

  protected vaultOf(handle: number): MemoryVault {
    const vault = this.handles.get(handle);
    if (vault === undefined || vault.state === 'closed') {
      throw failure('closed', 'the vault is closed');
    }
    return vault;
  }

  protected at(method: keyof Spec, handle: number): MemoryVault {
    const vault = this.vaultOf(handle);
    this.fail(method);
    return vault;
  }

  protected unlocked(method: keyof Spec, handle: number): MemoryVault {
    const vault = this.at(method, handle);
    vault.requireUnlocked();
    return vault;
  }

  protected fail(method: keyof Spec): void {
    const at = this.failures.findIndex((entry) => entry.method === method);
    const [entry] = at < 0 ? [] : this.failures.splice(at, 1);
    if (entry === undefined) return;
    const { code, retryAfterMs } = entry;
    throw failure(code, 'the test said so', retryAfterMs === undefined ? {} : { retryAfterMs });
  }

  protected reply(work: () => string): string {
    try {
      return work();
    } catch (error) {
      return replyOf(error);
    }
  }
}

export function parse(json: string, form: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  if (typeof value !== 'object' || value === null) throw failure('invalid_input', form);
  return value;
}
