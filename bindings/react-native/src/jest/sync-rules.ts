/** The rules of syncing in a vault's configuration, as far as the mock follows them. */
import type { ConflictRule } from '../vault.ts';
import { failure } from './failure.ts';

export interface SyncRules {
  readonly lastWord?: 'cloud' | 'hub';
  readonly cloudFullPullDays?: number;
  readonly hubFullPullDays?: number;
  readonly conflicts?: ConflictRule;
  readonly tables?: Readonly<Record<string, ConflictRule>>;
}

const MEMBERS = [
  'lastWord',
  'conflicts',
  'tables',
  'cloudFullPullDays',
  'hubFullPullDays',
  'timeLimits',
];
const LIMITS = ['connectMs', 'firstByteMs', 'idleMs', 'wholeMs'];
const DAY_MS = 86_400_000;
const RULES = ['local', 'remote', 'latest'];

/** Reads them, or gives the core's refusal. */
export function readRules(json: unknown): SyncRules {
  if (json === undefined || json === null) return {};
  const bad = () => failure('invalid_input', 'the configuration has not the form of one');
  if (typeof json !== 'object' || Array.isArray(json)) throw bad();
  const rules = json as Record<string, unknown>;
  const { lastWord = 'cloud', conflicts = 'local', tables = {}, timeLimits } = rules;
  if (Object.keys(rules).some((member) => !MEMBERS.includes(member))) throw bad();
  if (lastWord !== 'cloud' && lastWord !== 'hub') throw bad();
  if (typeof tables !== 'object' || tables === null) throw bad();
  for (const rule of [conflicts, ...(Object.values(tables) as unknown[])]) {
    if (!RULES.includes(String(rule))) throw bad();
  }
  if (!areLimits(timeLimits ?? {})) throw bad();
  return rules;
}

function areLimits(limits: unknown): boolean {
  const isOne = ([name, ms]: [string, unknown]) =>
    LIMITS.includes(name) && Number.isInteger(ms) && Number(ms) >= 1 && Number(ms) <= DAY_MS;
  return typeof limits === 'object' && limits !== null && Object.entries(limits).every(isOne);
}
