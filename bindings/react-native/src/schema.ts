/** What the types of a schema look like, and what they are derived to. No behaviour. */

/** What a JSON column takes: its text, or data that becomes text. */
export type JsonInput = string | JsonData;
/** Plain data of a JSON column. */
export type JsonData = { readonly [name: string]: Json } | readonly Json[];
/** Anything JSON can say. */
export type Json = string | number | boolean | null | JsonData;

/** One table: its rows as read, what a new record needs, what a change may name. */
export interface TableTypes {
  row: object;
  insert: object;
  update: object;
  /** Columns that refer to a record of a table of the schema, and which table that is. */
  refs?: object;
}

/** The names of the tables of a schema. */
export type TableName<S> = Extract<keyof S, string>;
/** A row of a table. */
export type Row<S, T extends TableName<S>> = S[T] extends TableTypes
  ? Readonly<S[T]['row']>
  : never;
/** What a new record of a table needs. */
export type Insert<S, T extends TableName<S>> = S[T] extends TableTypes ? S[T]['insert'] : never;
/** What a change of a record may name. */
export type Update<S, T extends TableName<S>> = S[T] extends TableTypes ? S[T]['update'] : never;

type Refs<S, T extends TableName<S>> = S[T] extends { refs: infer F } ? F : Record<never, never>;
/** What a query may bring along, as far as its types know. */
export interface AnyLinks {
  readonly parents: object;
  readonly children: object;
}
/** What a query on a table may bring along, by the references of the schema. */
export interface Links<S, T extends TableName<S>> {
  /** Column of the table: the record that it refers to. */
  readonly parents: {
    readonly [C in keyof Refs<S, T>]: Refs<S, T>[C] extends TableName<S>
      ? Row<S, Refs<S, T>[C]>
      : never;
  };
  /** Other table, and its columns that refer to this one: its records. */
  readonly children: {
    readonly [U in TableName<S>]: {
      readonly [C in keyof Refs<S, U> as Refs<S, U>[C] extends T ? C : never]: Row<S, U>;
    };
  };
}
