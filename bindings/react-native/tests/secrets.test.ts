/** Copies of secrets that this package made are wiped, whatever came of the call. */
import { openVault } from 'react-native-amana';
import { amanaMock, MemoryNative } from 'react-native-amana/jest';

import { setNative } from '../src/native.ts';
import { codeOf } from './contract/harness.ts';

test('PINs and passwords do not stay in arrays', async () => {
  amanaMock.reset();
  const memory = new MemoryNative();
  const seen: number[][] = [];
  const watched = new Proxy(memory, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        for (const arg of args) {
          if (Array.isArray(arg) && typeof arg[0] === 'number') seen.push(arg as number[]);
        }
        return Reflect.apply(value, target, args);
      };
    },
  });
  setNative(watched);
  const vault = await openVault({ policy: 'person' });
  await vault.create({ person: 'amal', pin: '4711' });
  await vault.keys.addPin('basma', '4712');
  await vault.keys.changePin('basma', '4712', '4713');
  await vault.keys.resetPin('basma', '4714');
  await vault.signIn({ url: 'https://clinic.example', email: 'a', password: 'secret' });
  await vault.lock();
  expect(await codeOf(vault.unlock({ person: 'amal', pin: '0000' }))).toBe('wrong_pin');
  const mine = new Uint8Array([52, 55, 49, 49]);
  await vault.unlock({ person: 'amal', pin: mine });
  // the caller's own copy is the caller's to wipe
  expect([...mine]).toEqual([52, 55, 49, 49]);
  expect(seen).toHaveLength(8);
  expect(seen.flat().every((byte) => byte === 0)).toBe(true);
});
