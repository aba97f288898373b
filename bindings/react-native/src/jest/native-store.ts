/** The calls of what a vault in memory holds: key–value pairs and records. */
import type { KeyPage, TableDigest } from '../NativeAmana.ts';
import { failure } from './failure.ts';
import type { KvEntry } from './kv.ts';
import { parse } from './native-home.ts';
import { NativeLife } from './native-life.ts';

export abstract class NativeStore extends NativeLife {
  kvGetSync(handle: number, space: string, key: string): string {
    return this.reply(() => this.unlocked('kvGetSync', handle).kv.get(space, key) ?? '-');
  }

  async kvGet(handle: number, space: string, key: string): Promise<string | null> {
    return this.unlocked('kvGet', handle).kv.get(space, key);
  }

  kvMultiGetSync(handle: number, space: string, keys: string[]): string {
    return this.reply(
      () => `j${JSON.stringify(this.unlocked('kvMultiGetSync', handle).kv.multiGet(space, keys))}`
    );
  }

  async kvMultiGet(handle: number, space: string, keys: string[]): Promise<(string | null)[]> {
    return this.unlocked('kvMultiGet', handle).kv.multiGet(space, keys);
  }

  kvKeysSync(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): string {
    return this.reply(() => {
      const page = this.unlocked('kvKeysSync', handle).kv.keys(space, prefix, after, limit);
      return `j${JSON.stringify(page)}`;
    });
  }

  async kvKeys(
    handle: number,
    space: string,
    prefix: string,
    after: string | null,
    limit: number
  ): Promise<KeyPage> {
    return this.unlocked('kvKeys', handle).kv.keys(space, prefix, after, limit);
  }

  async kvSet(
    handle: number,
    space: string,
    key: string,
    value: string,
    expiresInMs: number | null
  ): Promise<void> {
    this.unlocked('kvSet', handle).kv.set(space, [{ key, value, expiresInMs }]);
  }

  async kvMultiSet(handle: number, space: string, entriesJson: string): Promise<void> {
    const { kv } = this.unlocked('kvMultiSet', handle);
    kv.set(space, parse(entriesJson, 'entries are a list') as KvEntry[]);
  }

  async kvRemove(handle: number, space: string, key: string): Promise<boolean> {
    return this.unlocked('kvRemove', handle).kv.remove(space, [key]) > 0;
  }

  async kvMultiRemove(handle: number, space: string, keys: string[]): Promise<number> {
    return this.unlocked('kvMultiRemove', handle).kv.remove(space, keys);
  }

  async kvClear(handle: number, space: string): Promise<number> {
    return this.unlocked('kvClear', handle).kv.clear(space);
  }

  async kvCompareAndSet(
    handle: number,
    space: string,
    key: string,
    expected: string | null,
    next: string | null,
    expiresInMs: number | null
  ): Promise<boolean> {
    const { kv } = this.unlocked('kvCompareAndSet', handle);
    return kv.compareAndSet(space, { key, expected, next, expiresInMs });
  }

  // records

  async createRecord(handle: number, table: string, fieldsJson: string): Promise<string> {
    const vault = this.unlocked('createRecord', handle);
    const fields = parse(fieldsJson, 'a JSON object of columns is expected');
    return vault.records.apply([{ op: 'insert', table, fields }])[0] ?? '';
  }

  async updateRecord(handle: number, table: string, id: string, fieldsJson: string): Promise<void> {
    const vault = this.unlocked('updateRecord', handle);
    const fields = parse(fieldsJson, 'a JSON object of columns is expected');
    vault.records.apply([{ op: 'update', table, id, fields }]);
  }

  async deleteRecord(handle: number, table: string, id: string): Promise<void> {
    this.unlocked('deleteRecord', handle).records.apply([{ op: 'delete', table, id }]);
  }

  async batchRecords(handle: number, operationsJson: string): Promise<string[]> {
    const vault = this.unlocked('batchRecords', handle);
    const operations = parse(operationsJson, 'a batch is a list of operations');
    if (!Array.isArray(operations)) {
      throw failure('invalid_input', 'a batch is a list of operations');
    }
    return vault.records.apply(operations);
  }

  findRecordSync(handle: number, table: string, id: string): string {
    return this.reply(() => {
      const row = this.unlocked('findRecordSync', handle).records.shown(table, id);
      return row === null ? '-' : `j${JSON.stringify(row)}`;
    });
  }

  async findRecord(handle: number, table: string, id: string): Promise<string | null> {
    const row = this.unlocked('findRecord', handle).records.shown(table, id);
    return row === null ? null : JSON.stringify(row);
  }

  async queryRecords(handle: number, table: string, queryJson: string): Promise<string> {
    return this.unlocked('queryRecords', handle).records.page(table, queryJson);
  }

  async countRecords(handle: number, table: string, queryJson: string): Promise<number> {
    return this.unlocked('countRecords', handle).records.count(table, queryJson);
  }

  async digest(handle: number): Promise<TableDigest[]> {
    const { records } = this.unlocked('digest', handle);
    return records.schema.tables
      .filter((table) => table.direction !== 'local')
      .map(({ name }) => {
        const rows = records.all(name);
        return { table: name, rows: rows.length, digest: digestOf(rows) };
      });
  }
}

/** The same for the same rows in any order. Not the core's hash: digests are compared, not known. */
function digestOf(rows: readonly unknown[]): string {
  let sum = 0n;
  for (const row of rows) {
    let hash = 0xcbf29ce484222325n;
    for (const unit of JSON.stringify(row)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(unit.codePointAt(0) ?? 0)) * 0x100000001b3n);
    }
    sum = BigInt.asUintN(64, sum + hash);
  }
  return sum.toString(16).padStart(64, '0');
}
