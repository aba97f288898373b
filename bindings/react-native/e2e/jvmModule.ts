/**
 * The real native module in a JVM process, with the interface that React Native gives to JavaScript. A
 * small bridge takes the place of JSI; nothing else is different from a phone's.
 */
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { existsSync } from 'node:fs';
import path from 'node:path';

import type { Spec } from '../src/NativeAmana';

type Said = {
  id?: number;
  value?: unknown;
  error?: { code: string; message: string; userInfo: unknown };
  thrown?: string;
  event?: string;
  ended?: number | string;
};

/** What React Native rejects with. */
class NativeRejection extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly userInfo: unknown
  ) {
    super(message);
  }
}

export type JvmModule = {
  module: Spec;
  /** Ends the JVM; resolves to its exit code, 0 where all is well. */
  end: () => Promise<number | string>;
};

const synchronous = new Set(['vaultState', 'kvGetSync', 'kvMultiGetSync', 'kvKeysSync', 'findRecordSync']);
const events = ['onChange', 'onKvChange', 'onSyncProgress', 'onDamage', 'onVaultState'];

/** Starts a JVM whose vaults are in `home`. */
export function startJvm(home: string): JvmModule {
  const classPath = required('AMANA_JVM_CLASS_PATH');
  const libraries = required('AMANA_LIB_DIR');
  if (!existsSync(path.join(libraries, 'libamana_ffi.so')) && !existsSync(path.join(libraries, 'libamana_ffi.dylib'))) {
    throw new Error(`there is no library in ${libraries}: run scripts/host-build`);
  }
  const worker = new Worker(path.join(__dirname, 'worker.cjs'), {
    workerData: {
      java: 'java',
      arguments: [
        '-Xcheck:jni',
        '-Xmx512m',
        `-Djava.library.path=${libraries}`,
        `-Djna.library.path=${libraries}`,
        '-cp',
        classPath,
        'com.amana.BridgeMainKt',
        home,
      ],
    },
  });
  const promised = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  const listeners = new Map<string, Set<(value: unknown) => void>>(events.map((event) => [event, new Set()]));
  let ended: (code: number | string) => void;
  const end = new Promise<number | string>((resolve) => (ended = resolve));
  let next = 1;

  worker.on('message', (said: Said) => {
    if (said.ended !== undefined) {
      ended(said.ended);
    } else if (said.event !== undefined) {
      for (const listener of [...(listeners.get(said.event) ?? [])]) listener(said.value);
    } else {
      const waiter = promised.get(said.id ?? 0);
      promised.delete(said.id ?? 0);
      if (said.error) {
        waiter?.reject(new NativeRejection(said.error.code, said.error.message, said.error.userInfo));
      } else if (said.thrown !== undefined) {
        waiter?.reject(new TypeError(said.thrown));
      } else {
        waiter?.resolve(said.value ?? undefined);
      }
    }
  });

  const send = (id: number, method: string, args: unknown[], signal?: Int32Array, port?: MessagePort) =>
    worker.postMessage(
      { id, signal, port, line: JSON.stringify({ id, method, args: args.map(crossing) }) },
      port ? [port] : []
    );

  const call = (method: string, args: unknown[]) => {
    const id = next++;
    return new Promise((resolve, reject) => {
      promised.set(id, { resolve, reject });
      send(id, method, args);
    });
  };

  const callNow = (method: string, args: unknown[]) => {
    const signal = new Int32Array(new SharedArrayBuffer(4));
    const { port1, port2 } = new MessageChannel();
    send(next++, method, args, signal, port2);
    Atomics.wait(signal, 0, 0);
    const said = receiveMessageOnPort(port1)?.message as Said;
    port1.close();
    if (said.thrown !== undefined) throw new TypeError(said.thrown);
    return said.value;
  };

  const module = new Proxy({} as Spec, {
    get: (_, name: string) => {
      if (name === 'then') return undefined;
      if (name === 'cancelOperation') return (...args: unknown[]) => void callNow(name, args);
      if (events.includes(name)) {
        return (listener: (value: unknown) => void) => {
          listeners.get(name)?.add(listener);
          return { remove: () => void listeners.get(name)?.delete(listener) };
        };
      }
      return (...args: unknown[]) => (synchronous.has(name) ? callNow(name, args) : call(name, args));
    },
  });
  return {
    module,
    end: () => {
      worker.postMessage({ end: true });
      return end;
    },
  };
}

/** What JSON does not have, as the bridge writes it. */
function crossing(value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (Array.isArray(value)) return value.map(crossing);
  return value;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/test --only react-native`);
  return value;
}
