/** What an opening of a vault in memory says where it is refused, and what a salvage saves. */
import type { AmanaErrorCode } from '../errors.ts';
import type { RefusalReport, SalvageReport } from '../NativeAmana.ts';
import type { NativeFailure } from './failure.ts';
import type { MemoryVault } from './memory-vault.ts';

/** What a refused opening says beyond its code. */
export function refusalOf(vault: MemoryVault, refused: NativeFailure): RefusalReport {
  const { code, message, userInfo } = refused;
  const remedies = remediesFor(code, vault.people.hasSlot('recovery'));
  return {
    code,
    detail: message,
    keyLost: code === 'key_lost' ? 'absent' : null,
    unsynced: remedies.length > 0 ? vault.records.outbox.roots().length : null,
    remedies,
    failures: null,
    delayMs: userInfo.retryAfterMs,
    slotDropped: false,
    wipeFinished: false,
  };
}

/** The mildest first. A key store says wrongly at times that it has nothing. */
function remediesFor(code: AmanaErrorCode, hasRecovery: boolean): string[] {
  if (code === 'database_damaged') return ['salvage', 'quarantine'];
  if (code !== 'key_lost') return [];
  return ['try_later', ...(hasRecovery ? ['recovery'] : []), 'quarantine'];
}

/** Puts what can be read in the place of what is damaged: all of a whole vault, nothing of a damaged one. */
export function salvage(vault: MemoryVault): SalvageReport {
  const { isDamaged } = vault;
  const tables = vault.records.schema.tables.map(({ name }) => ({
    table: name,
    kind: 'records',
    saved: isDamaged ? 0 : vault.records.all(name).length,
    lost: isDamaged ? null : 0,
    lostAtMost: false,
  }));
  const outbox = {
    table: 'amana_outbox',
    kind: 'outbox',
    saved: isDamaged ? 0 : vault.records.outbox.all().length,
    lost: isDamaged ? null : 0,
    lostAtMost: false,
  };
  if (isDamaged) vault.forgetData();
  vault.isDamaged = false;
  return {
    descriptionReadable: !isDamaged,
    tables: [...tables, outbox],
    outboxWithoutRecord: 0,
    fullPullDue: isDamaged,
  };
}
