/** Everything an app uses. `docs/quick-start.md` begins here. */
export type { AmanaErrorCode, AmanaErrorDetails } from './errors.ts';
export { AmanaError, ERROR_CODES, isAmanaError } from './errors.ts';
export type { HikmaSchema } from './hikma.ts';
export type { AmanaProviderProps } from './hooks/context.tsx';
export { AmanaProvider, useVault } from './hooks/context.tsx';
export type { QueryResult } from './hooks/useQuery.ts';
export { useQuery } from './hooks/useQuery.ts';
export type { RecordResult } from './hooks/useRecord.ts';
export { useRecord } from './hooks/useRecord.ts';
export type { SecureValueOptions, SetSecureValue } from './hooks/useSecureValue.ts';
export { useSecureValue } from './hooks/useSecureValue.ts';
export type { UseSync } from './hooks/useSync.ts';
export { useSync } from './hooks/useSync.ts';
export { useVaultState } from './hooks/useVaultState.ts';
export type { Pin, PresencePrompt, VaultKeys } from './keys.ts';
export type { LiveSnapshot } from './live.ts';
export type {
  ConflictEntry,
  IntegrityReport,
  KeySlot,
  KeySlots,
  KeyStoreReport,
  PairedHub,
  PeerStatus,
  PinStanding,
  QuarantinedRecord,
  QuarantinedVault,
  RecordStanding,
  RecoveryRequest,
  RefusalReport,
  SalvageReport,
  SignedInPerson,
  SyncReport,
  SyncStatus,
  TableDigest,
  VaultGlance,
} from './NativeAmana.ts';
export type { AbortSignalLike } from './native.ts';
export type { ObserveHandlers } from './observe.ts';
export type { CloudSignIn, HubSignIn, SyncOptions, SyncProgress, VaultPeers } from './peers.ts';
export type { Page } from './page.ts';
export type { Condition, ConditionMaker, QueryInput, Related } from './query.ts';
export { Query } from './query.ts';
export type { Insert, Json, JsonData, JsonInput, Links, Row, TableName, Update } from './schema.ts';
export type {
  Callback,
  KeyValuePair,
  MultiCallback,
  SetOptions,
  StorageChange,
} from './storage.ts';
export { SecureStorage } from './storage.ts';
export { runKeyStoreSelfTest } from './support.ts';
export type { SyncView } from './sync-store.ts';
export type { BatchMaker, Results, Table } from './table.ts';
export type { SecureValue } from './text.ts';
export type { AnyVault, TimeLimits, UnlockWith, Vault, VaultConfig, VaultState } from './vault.ts';
export { attachVault, openVault } from './vault.ts';
