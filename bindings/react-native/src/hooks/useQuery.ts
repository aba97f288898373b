import { useMemo } from 'react';

import type { AmanaError } from '../errors.ts';
import type { HikmaSchema } from '../hikma.ts';
import type { QueryInput } from '../query.ts';
import { toQuery } from '../query.ts';
import type { Links, Row, TableName } from '../schema.ts';
import { Results } from '../table.ts';
import { useVault } from './context.tsx';
import { useLive } from './useLive.ts';

/** What a query shows. */
export interface QueryResult<R> {
  /** The first page; a row that did not change, it and what it includes, is the same object as before. */
  readonly rows: readonly R[];
  /** `loading` until the first answer; `locked` while the vault is. */
  readonly status: 'loading' | 'ready' | 'locked' | 'error';
  readonly error: AmanaError | null;
}

/**
 * The rows that a query finds, live: `useQuery('patients', (q) => q.where('surname', 'startsWith', s))`.
 * The query may be built anew at each render; only another query reads again.
 */
export function useQuery<S = HikmaSchema, T extends TableName<S> = TableName<S>, X = unknown>(
  table: T,
  query?: QueryInput<Row<S, T>, Links<S, T>, X>
): QueryResult<Row<S, T> & X> {
  const vault = useVault<S>();
  const wanted = toQuery(query);
  const json = wanted.toJSONText(table);
  const live = useMemo(
    () => new Results<Row<S, T> & X>(vault.handle, table, wanted).live(),
    // the text says all that the query says
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [vault, table, json]
  );
  const snapshot = useLive(live);
  return useMemo(
    () => ({ rows: snapshot.value, status: snapshot.status, error: snapshot.error }),
    [snapshot]
  );
}
