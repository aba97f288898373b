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
