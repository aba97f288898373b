/**
 * The contract of the package: one suite, run on the mock and on the real library. What differs between
 * the two is a defect of one of them.
 */
import { forgetVaults } from '../../src/vault.ts';
import { setNative } from '../../src/native.ts';
import { absenceContract } from './absence.ts';
import { badInputContract } from './bad-input.ts';
import { disputesContract } from './disputes.ts';
import type { Harness } from './harness.ts';
import { harmContract } from './harm.ts';
import { hubRecordsContract } from './hub-records.ts';
import { hubContract } from './hub.ts';
import { keysContract } from './keys.ts';
import { lifeContract } from './life.ts';
import { recordsContract } from './records.ts';
import { relatedContract } from './related.ts';
import { storageContract } from './storage.ts';
import { syncContract } from './sync.ts';

export type { Harness, HubSide } from './harness.ts';

/** Runs the contract on a native module. */
export function describeContract(name: string, harness: Harness): void {
  describe(`the contract, on ${name}`, () => {
    beforeEach(async () => {
      forgetVaults();
      setNative(await harness.fresh());
    });
    afterEach(async () => {
      setNative(null);
      await harness.done();
    });
    describe('life', () => lifeContract(harness));
    describe('storage', () => storageContract(harness));
    describe('records', () => recordsContract(harness));
    describe('relations', () => relatedContract(harness));
    describe('sync', () => syncContract(harness));
    describe('disputes', () => disputesContract(harness));
    describe('hubs', () => hubContract(harness));
    describe('records at hubs', () => hubRecordsContract(harness));
    describe('natural keys', () => keysContract(harness));
    describe('absence', () => absenceContract(harness));
    describe('harm', () => harmContract(harness));
    describe('bad input', () => badInputContract(harness));
  });
}
