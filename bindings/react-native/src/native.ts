/**
 * Reaches the native module: loads it at the first call, turns its rejections into `AmanaError`, gives
 * running calls a number by which they can be cancelled, and passes its events to who listens. The one
 * place where another implementation of the contract can be put in: the mock, or a bridge.
 */
import { invalid } from './check.ts';
import { AmanaError, toAmanaError } from './errors.ts';
import { tell } from './listeners.ts';
import type {
  ChangeEvent,
  DamageEvent,
  KvChangeEvent,
  Spec,
  SyncProgressEvent,
  VaultStateEvent,
} from './NativeAmana.ts';
import { loadNativeAmana } from './NativeAmana.ts';

let present: Spec | null = null;
let hub: EventHub | null = null;
let lastOperation = 0;

/** The native module. `unsupported` where the app was built without it. */
export function native(): Spec {
  if (present === null) {
    try {
      present = loadNativeAmana();
    } catch {
      throw new AmanaError(
        'unsupported',
        'the app was built without Amana: rebuild it after npm install (Expo Go cannot load it)'
      );
    }
  }
  return present;
}

/** Puts another implementation in place; null: the app's own again. For tests. */
export function setNative(implementation: Spec | null): void {
  hub?.stop();
  hub = null;
  present = implementation;
}

/** Calls the native module. */
export async function call<T>(work: (module: Spec) => Promise<T>): Promise<T> {
  try {
    return await work(native());
  } catch (error) {
    throw toAmanaError(error);
  }
}

/** Does something with the bytes of secrets, and wipes this copy of them whatever comes of it. */
export async function wiping<T>(secrets: number[][], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    for (const secret of secrets) secret.fill(0);
  }
}

/** What of the standard `AbortSignal` is used. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Calls the native module with an operation that the signal cancels. */
export async function callCancellable<T>(
  signal: AbortSignalLike | undefined,
  work: (module: Spec, operation: number) => Promise<T>
): Promise<T> {
  checkSignal(signal);
  if (signal?.aborted === true) {
    throw new AmanaError('cancelled', 'the call was cancelled before it began');
  }
  const operation = ++lastOperation;
  const abort = () => native().cancelOperation(operation);
  return call(async (module) => {
    signal?.addEventListener('abort', abort);
    try {
      return await work(module, operation);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  });
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal === null) return;
  const { addEventListener: add, removeEventListener: remove } = signal as Partial<AbortSignalLike>;
  if (typeof add !== 'function' || typeof remove !== 'function') {
    throw invalid('a signal is that of an AbortController');
  }
}

interface Events {
  change: ChangeEvent;
  kvChange: KvChangeEvent;
  progress: SyncProgressEvent;
  state: VaultStateEvent;
  damage: DamageEvent;
}
type EventName = keyof Events;
type Listener<E extends EventName> = (event: Events[E]) => void;

/** One subscription per kind of event at the native module, whatever the number of listeners. */
class EventHub {
  private readonly module: Spec;
  private readonly listeners = new Map<EventName, Map<number, Set<Listener<EventName>>>>();
  private readonly subscriptions = new Map<EventName, { remove(): void }>();

  constructor(module: Spec) {
    this.module = module;
  }

  add<E extends EventName>(name: E, handle: number, listener: Listener<E>): () => void {
    const byHandle = this.listeners.get(name) ?? new Map<number, Set<Listener<EventName>>>();
    this.listeners.set(name, byHandle);
    const set = byHandle.get(handle) ?? new Set();
    byHandle.set(handle, set);
    // wrapped, so that a listener that is added twice is two
    const entry: Listener<EventName> = (event) => listener(event as Events[E]);
    set.add(entry);
    if (!this.subscriptions.has(name)) this.subscriptions.set(name, this.subscribe(name));
    return () => {
      set.delete(entry);
      if (set.size === 0 && byHandle.get(handle) === set) byHandle.delete(handle);
      if (byHandle.size === 0) {
        this.subscriptions.get(name)?.remove();
        this.subscriptions.delete(name);
      }
    };
  }

  stop(): void {
    for (const subscription of this.subscriptions.values()) subscription.remove();
    this.subscriptions.clear();
    this.listeners.clear();
  }

  private subscribe(name: EventName): { remove(): void } {
    const pass = (event: Events[EventName]) => {
      tell(this.listeners.get(name)?.get(event.handle), event);
    };
    switch (name) {
      case 'change':
        return this.module.onChange(pass);
      case 'kvChange':
        return this.module.onKvChange(pass);
      case 'progress':
        return this.module.onSyncProgress(pass);
      case 'state':
        return this.module.onVaultState(pass);
      case 'damage':
        return this.module.onDamage(pass);
    }
  }
}

/** Listens to the events of one vault. Returns how to stop. */
export function listen<E extends EventName>(
  name: E,
  handle: number,
  listener: Listener<E>
): () => void {
  hub ??= new EventHub(native());
  return hub.add(name, handle, listener);
}
