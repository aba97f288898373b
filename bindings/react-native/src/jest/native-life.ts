/** The calls of a vault's life in memory: opening, locking, PINs, what helps where it is refused. */
import type {
  AttachedVault,
  IntegrityReport,
  KeySlots,
  KeyStoreReport,
  PinStanding,
  QuarantinedVault,
  RecoveryRequest,
  RefusalReport,
  SalvageReport,
  VaultGlance,
} from '../NativeAmana.ts';
import { fromBase64 } from '../text.ts';
import { failure } from './failure.ts';
import { salvage } from './health.ts';
import type { MemoryVault } from './memory-vault.ts';
import { NativeHome, parse } from './native-home.ts';
import { answerTo, isAnswer, makeRequest } from './recovery.ts';
import { readRules } from './sync-rules.ts';

const CONFIG = new Set([
  'name',
  'schema',
  'idleLockMs',
  'dropPinAfter',
  'keyStore',
  'cloudSync',
  'cloudPins',
  'sync',
]);

export abstract class NativeLife extends NativeHome {
  async attachVault(configJson: string): Promise<AttachedVault> {
    this.fail('attachVault');
    const config = parse(configJson, 'a configuration is an object') as Record<string, unknown>;
    const unknown = Object.keys(config).find((member) => !CONFIG.has(member));
    if (unknown !== undefined) throw failure('invalid_input', 'unknown member of a configuration');
    const { name } = config;
    if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]{0,47}$/.test(name)) {
      throw failure('invalid_input', 'a vault is named by a-z, 0-9, - and _, a letter first');
    }
    const rules = readRules(config['sync']);
    const vault = this.vaults.get(name) ?? this.make(name, config['schema']);
    vault.rules = rules;
    const handle = ++this.lastHandle;
    this.handles.set(handle, vault);
    vault.handles.add(handle);
    return { handle, state: vault.state };
  }

  async closeVault(handle: number): Promise<void> {
    const vault = this.handles.get(handle);
    if (vault === undefined) return;
    this.drop(vault, handle);
    if (vault.handles.size === 0 && vault.state === 'unlocked') vault.set('locked');
  }

  vaultState(handle: number): string {
    return this.handles.get(handle)?.state ?? 'closed';
  }

  async vaultGlance(handle: number): Promise<VaultGlance> {
    const vault = this.at('vaultGlance', handle);
    return {
      presence: vault.policy === null ? 'nothing' : 'vault',
      policy: vault.policy,
      hasRecovery: vault.people.hasSlot('recovery'),
      unsynced: vault.policy === null ? null : vault.records.outbox.roots().length,
    };
  }

  async openForDevice(handle: number, recoveryKey: string | null): Promise<boolean> {
    const vault = this.vaultOf(handle);
    return vault.opening(() => {
      this.fail('openForDevice');
      checkRecoveryKey(recoveryKey);
      if (vault.policy === 'person') {
        throw failure('invalid_input', 'this vault opens for persons alone');
      }
      const made = vault.policy === null;
      if (made) {
        vault.policy = 'device';
        vault.people.addSlot('device');
        if (recoveryKey !== null) vault.people.addSlot('recovery');
      }
      vault.people.requireSlot('device');
      vault.requireDatabase();
      vault.set('unlocked');
      return made;
    });
  }

  async createForPerson(
    handle: number,
    person: string,
    pin: number[],
    recoveryKey: string | null
  ): Promise<void> {
    const vault = this.at('createForPerson', handle);
    checkRecoveryKey(recoveryKey);
    if (vault.policy !== null) throw failure('invalid_input', 'there is a vault already');
    vault.people.addPin(person, pin);
    if (recoveryKey !== null) vault.people.addSlot('recovery');
    vault.policy = 'person';
    vault.set('unlocked');
  }

  async lock(handle: number): Promise<void> {
    this.at('lock', handle).set('locked');
  }

  async unlockWithPin(handle: number, person: string, pin: number[]): Promise<void> {
    const vault = this.vaultOf(handle);
    vault.requireMade();
    vault.opening(() => {
      this.fail('unlockWithPin');
      vault.people.try(person, pin);
      vault.requireDatabase();
    });
    vault.set('unlocked');
  }

  async unlockWithPresence(handle: number): Promise<void> {
    const vault = this.vaultOf(handle);
    vault.opening(() => {
      this.fail('unlockWithPresence');
      vault.people.requireSlot('presence');
      vault.requireDatabase();
    });
    vault.set('unlocked');
  }

  async makeRecoveryRequest(handle: number): Promise<RecoveryRequest> {
    const vault = this.at('makeRecoveryRequest', handle);
    if (!vault.people.hasSlot('recovery')) {
      throw failure('not_found', 'the vault has no recovery key');
    }
    const request = makeRequest();
    vault.recovery = { answer: answerTo(request.request) };
    return request;
  }

  async unlockWithRecovery(handle: number, answer: string): Promise<void> {
    const vault = this.vaultOf(handle);
    vault.opening(() => {
      this.fail('unlockWithRecovery');
      byRecovery(vault, answer);
      vault.requireDatabase();
    });
    vault.recovery = null;
    // the opening makes the device a new secret; a PIN's is made with its next PIN
    vault.people.replaceDeviceSecret();
    vault.set('unlocked');
  }

  async replaceDeviceSlot(handle: number): Promise<void> {
    this.unlocked('replaceDeviceSlot', handle).people.replaceDeviceSecret();
  }

  async keySlots(handle: number): Promise<KeySlots> {
    const { people, state } = this.at('keySlots', handle);
    return {
      slots: people.list(),
      proven: state === 'unlocked',
      rotationDue: people.rotationDue,
    };
  }

  async pinStanding(handle: number, person: string): Promise<PinStanding> {
    return this.at('pinStanding', handle).people.standing(person);
  }

  async addPin(handle: number, person: string, pin: number[]): Promise<void> {
    const vault = this.unlocked('addPin', handle);
    if (vault.policy === 'device') {
      throw failure('invalid_input', 'a vault of this policy has no PINs');
    }
    vault.people.addPin(person, pin);
  }

  async changePin(handle: number, person: string, old: number[], next: number[]): Promise<void> {
    this.unlocked('changePin', handle).people.changePin(person, old, next);
  }

  async resetPin(handle: number, person: string, pin: number[]): Promise<void> {
    this.unlocked('resetPin', handle).people.resetPin(person, pin);
  }

  async removePin(handle: number, person: string): Promise<void> {
    this.unlocked('removePin', handle).people.removePin(person);
  }

  async addPresence(handle: number): Promise<string> {
    return this.unlocked('addPresence', handle).people.addSlot('presence');
  }

  async removeSlot(handle: number, slotId: string): Promise<void> {
    this.unlocked('removeSlot', handle).people.removeSlot(slotId);
  }

  async rotateRootKey(handle: number): Promise<void> {
    this.unlocked('rotateRootKey', handle).people.rotationDue = false;
  }

  async wipe(handle: number): Promise<void> {
    const vault = this.at('wipe', handle);
    vault.empty();
    this.vaults.delete(vault.name);
    for (const other of [...vault.handles]) this.drop(vault, other);
  }

  async lastRefusal(handle: number): Promise<RefusalReport | null> {
    return this.at('lastRefusal', handle).refusal;
  }

  async quarantineVault(handle: number, unsynced: number | null): Promise<QuarantinedVault> {
    const vault = this.at('quarantineVault', handle);
    if (vault.state === 'unlocked') {
      throw failure('invalid_input', 'an unlocked vault is not put aside');
    }
    vault.requireMade();
    if (unsynced !== vault.records.outbox.roots().length) {
      throw failure('invalid_input', "the loss that was acknowledged is not the vault's");
    }
    const list = this.aside.get(vault.name) ?? [];
    const entry = { name: `${vault.name}.quarantine.${list.length + 1}`, unsynced };
    this.aside.set(vault.name, [...list, entry]);
    this.vaults.delete(vault.name);
    vault.set('closed');
    return entry;
  }

  async quarantinedVaults(handle: number): Promise<QuarantinedVault[]> {
    // also of a vault that was put aside itself, and so is closed
    const name = this.handles.get(handle)?.name ?? this.vaultOf(handle).name;
    this.fail('quarantinedVaults');
    return this.aside.get(name) ?? [];
  }

  async salvage(handle: number, person: string | null, pin: number[]): Promise<SalvageReport> {
    const vault = this.at('salvage', handle);
    return salvageBy(vault, () => {
      if (person !== null) return vault.people.try(person, pin);
      if (vault.policy === 'person') {
        throw failure('invalid_input', 'this vault opens for persons alone');
      }
      vault.people.requireSlot('device');
    });
  }

  async salvageWithPresence(handle: number): Promise<SalvageReport> {
    const vault = this.at('salvageWithPresence', handle);
    return salvageBy(vault, () => vault.people.requireSlot('presence'));
  }

  async salvageWithRecovery(handle: number, answer: string): Promise<SalvageReport> {
    const vault = this.at('salvageWithRecovery', handle);
    return salvageBy(vault, () => byRecovery(vault, answer));
  }

  async diagnose(handle: number): Promise<string> {
    const vault = this.at('diagnose', handle);
    return JSON.stringify({ state: vault.state, policy: vault.policy });
  }

  async integrity(handle: number): Promise<IntegrityReport | null> {
    this.unlocked('integrity', handle);
    return { done: null, total: null, damagedTrees: 0, checked: true };
  }

  async runKeyStoreSelfTest(optionsJson: string): Promise<KeyStoreReport> {
    this.fail('runKeyStoreSelfTest');
    parse(optionsJson, 'options are an object');
    const steps = [{ name: 'in memory', passed: true, failure: null }];
    return { passed: true, level: 'unprotected', steps };
  }
}

function checkRecoveryKey(base64: string | null): void {
  if (base64 !== null && fromBase64(base64)?.length !== 32) {
    throw failure('invalid_input', 'a recovery key is 32 bytes in base64');
  }
}

function byRecovery(vault: MemoryVault, answer: string): void {
  if (vault.recovery === null) throw failure('not_found', 'nobody has asked for a recovery');
  if (!isAnswer(answer)) throw failure('invalid_input', 'this is not the answer to a request');
  if (vault.recovery.answer !== answer) {
    throw failure('key_mismatch', 'the answer is not for this request');
  }
}

function salvageBy(vault: MemoryVault, prove: () => void): SalvageReport {
  vault.requireMade();
  if (vault.state === 'unlocked') {
    throw failure('invalid_input', 'lock the vault before a salvage');
  }
  vault.opening(prove);
  return salvage(vault);
}
