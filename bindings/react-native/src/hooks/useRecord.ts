import { useMemo } from 'react';

import type { AmanaError } from '../errors.ts';
import type { HikmaSchema } from '../hikma.ts';
import type { Row, TableName } from '../schema.ts';
import { useVault } from './context.tsx';
import { useLive } from './useLive.ts';

/** What a record shows. */
export interface RecordResult<R> {
  /** The record; null where there is none, or nothing to see yet. */
  readonly record: R | null;
  readonly status: 'loading' | 'ready' | 'locked' | 'error';
  readonly error: AmanaError | null;
}

/** One record, live. */
export function useRecord<S = HikmaSchema, T extends TableName<S> = TableName<S>>(
  table: T,
  id: string
): RecordResult<Row<S, T>> {
  const vault = useVault<S>();
  const live = useMemo(() => vault.table(table).live(id), [vault, table, id]);
  const snapshot = useLive(live);
  return useMemo(
    () => ({ record: snapshot.value, status: snapshot.status, error: snapshot.error }),
    [snapshot]
  );
}
