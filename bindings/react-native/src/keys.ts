/** Who may open a vault: PINs, presence, recovery, change of the root key. */
import { checkSecret, checkText, invalid } from './check.ts';
import type { KeySlots, PinStanding, RecoveryRequest } from './NativeAmana.ts';
import { call, wiping } from './native.ts';

/** A PIN: text, or the bytes of its UTF-8, which the caller can wipe afterwards. */
export type Pin = string | Uint8Array;

/**
 * What the platform's prompt says, on Android. iOS shows texts of its own (for Face ID the usage text of
 * the app, for the button beside it its own word) and takes none of these.
 */
export interface PresencePrompt {
  readonly title: string;
  readonly cancel: string;
}

/** The ways into one vault. All but `slots` and `recoveryRequest` need it unlocked. */
export class VaultKeys {
  private readonly handle: number;

  /** @internal */
  constructor(handle: number) {
    this.handle = handle;
  }

  /** The slots; of a locked vault too, for the screen on which a person chooses who they are. */
  async slots(): Promise<KeySlots> {
    return call((module) => module.keySlots(this.handle));
  }

  /** Gives a staff member a PIN of their own. */
  async addPin(person: string, pin: Pin): Promise<void> {
    checkPerson(person);
    const bytes = checkSecret(pin, 'a PIN');
    return wiping([bytes], () => call((module) => module.addPin(this.handle, person, bytes)));
  }

  /** Replaces a person's PIN; a wrong old one counts as at unlocking. */
  async changePin(person: string, oldPin: Pin, newPin: Pin): Promise<void> {
    checkPerson(person);
    const [before, after] = [checkSecret(oldPin, 'a PIN'), checkSecret(newPin, 'a PIN')];
    return wiping([before, after], () =>
      call((module) => module.changePin(this.handle, person, before, after))
    );
  }

  /** Gives a person a new PIN without their old one: after a recovery, or where they forgot it. */
  async resetPin(person: string, pin: Pin): Promise<void> {
    checkPerson(person);
    const bytes = checkSecret(pin, 'a PIN');
    return wiping([bytes], () => call((module) => module.resetPin(this.handle, person, bytes)));
  }

  /** What is held against a person's next PIN. Tries nothing. */
  async pinStanding(person: string): Promise<PinStanding> {
    checkPerson(person);
    return call((module) => module.pinStanding(this.handle, person));
  }

  /** Takes a staff member's PIN away, and schedules a new root key. Nobody else's PIN is needed. */
  async removePin(person: string): Promise<void> {
    checkPerson(person);
    return call((module) => module.removePin(this.handle, person));
  }

  /** Adds a slot that asks for finger or face. Resolves to the slot's id. */
  async addPresence(prompt: PresencePrompt): Promise<string> {
    const { title, cancel } = checkPrompt(prompt);
    return call((module) => module.addPresence(this.handle, title, cancel));
  }

  /** Takes a slot away by its id. The last one stays. */
  async removeSlot(slotId: string): Promise<void> {
    checkText(slotId, 'a slot');
    return call((module) => module.removeSlot(this.handle, slotId));
  }

  /** A new root key for the whole vault. Takes seconds where it is large. */
  async rotateRootKey(): Promise<void> {
    return call((module) => module.rotateRootKey(this.handle));
  }

  /** Makes a new device secret after a recovery, where the opening could not. */
  async replaceDeviceSlot(): Promise<void> {
    return call((module) => module.replaceDeviceSlot(this.handle));
  }

  /** What the organisation answers when nobody can open the vault any more. */
  async recoveryRequest(): Promise<RecoveryRequest> {
    return call((module) => module.makeRecoveryRequest(this.handle));
  }
}

export function checkPerson(person: unknown): string {
  const text = checkText(person, 'a person');
  if (text.length === 0 || text.length > 64) throw invalid('a person is named by 1 to 64 bytes');
  return text;
}

export function checkPrompt(prompt: unknown): PresencePrompt {
  const given = (prompt ?? {}) as Partial<PresencePrompt>;
  return { title: checkShown(given.title, 'title'), cancel: checkShown(given.cancel, 'cancel') };
}

/** Text on a prompt: Android refuses to show one without. */
function checkShown(value: unknown, what: string): string {
  const text = checkText(value, what);
  if (text.trim() === '') throw invalid(`${what} is what the prompt says: it is not empty`);
  return text;
}
