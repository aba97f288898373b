/** Slots and PINs in memory: wrong ones are counted and delayed as the core does. */
import type { KeySlot, PinStanding } from '../NativeAmana.ts';
import { failure } from './failure.ts';

const FREE_ATTEMPTS = 5;
const FIRST_DELAY_MS = 30_000;
const LONGEST_DELAY_MS = 60 * 60 * 1000;

interface PinSlot {
  readonly id: string;
  pin: string;
  failures: number;
  delayUntil: number;
}

export class MemoryPeople {
  private readonly now: () => number;
  private readonly pins = new Map<string, PinSlot>();
  private readonly others: KeySlot[] = [];
  /** The slots whose secret the key store has no more. */
  private readonly lost = new Set<string>();
  private made = 0;
  rotationDue = false;

  constructor(now: () => number) {
    this.now = now;
  }

  list(): KeySlot[] {
    const pins = [...this.pins].map(([person, { id }]) => slot(id, 'pin', person));
    return [...pins, ...this.others];
  }

  addSlot(kind: 'device' | 'recovery' | 'presence'): string {
    const id = this.makeId();
    this.others.push(slot(id, kind, null));
    return id;
  }

  hasSlot(kind: string): boolean {
    return this.others.some((slot) => slot.kind === kind);
  }

  /** The key store has none of the secrets that are in it. */
  loseSecrets(): void {
    for (const { id, kind } of this.list()) if (kind !== 'recovery') this.lost.add(id);
  }

  /** The device has a new secret. */
  replaceDeviceSecret(): void {
    for (const { id, kind } of this.others) if (kind === 'device') this.lost.delete(id);
  }

  /** The core's refusal where there is no slot of a kind, or its secret is gone. */
  requireSlot(kind: 'device' | 'presence'): void {
    const slot = this.others.find((one) => one.kind === kind);
    if (slot === undefined) throw failure('not_found', 'there is no such slot');
    this.requireSecret(slot.id);
  }

  addPin(person: string, pin: readonly number[]): void {
    checkPerson(person);
    if (this.pins.has(person)) {
      throw failure('invalid_input', 'this person has a PIN already');
    }
    const text = checkPin(pin);
    this.pins.set(person, { id: this.makeId(), pin: text, failures: 0, delayUntil: 0 });
  }

  resetPin(person: string, pin: readonly number[]): void {
    const slot = this.require(person);
    this.lost.delete(slot.id);
    Object.assign(slot, { pin: checkPin(pin), failures: 0, delayUntil: 0 });
  }

  changePin(person: string, before: readonly number[], after: readonly number[]): void {
    const next = checkPin(after);
    this.try(person, before);
    this.require(person).pin = next;
  }

  /** A guess: counted before it is looked at. */
  try(person: string, pin: readonly number[]): void {
    const text = checkPin(pin);
    const slot = this.require(person);
    this.requireSecret(slot.id);
    const left = slot.delayUntil - this.now();
    if (left > 0) {
      throw failure('pin_delayed', 'too many wrong PINs: wait', { retryAfterMs: left });
    }
    if (slot.pin === text) {
      slot.failures = 0;
      slot.delayUntil = 0;
      return;
    }
    slot.failures++;
    if (slot.failures >= FREE_ATTEMPTS) {
      const doublings = slot.failures - FREE_ATTEMPTS;
      const length = Math.min(FIRST_DELAY_MS * 2 ** doublings, LONGEST_DELAY_MS);
      slot.delayUntil = this.now() + length;
    }
    throw failure('wrong_pin', 'the PIN is wrong');
  }

  standing(person: string): PinStanding {
    const slot = this.require(person);
    return {
      failures: slot.failures,
      delayMs: Math.max(0, slot.delayUntil - this.now()),
      dropped: false,
    };
  }

  removePin(person: string): void {
    this.removeSlot(this.require(person).id);
  }

  removeSlot(id: string): void {
    const person = [...this.pins].find(([, slot]) => slot.id === id)?.[0];
    const other = this.others.findIndex((slot) => slot.id === id);
    if (person === undefined && other < 0) throw failure('not_found', 'there is no such slot');
    if (this.list().filter((slot) => slot.kind !== 'recovery').length <= 1) {
      throw failure('invalid_input', 'the last slot of a device stays');
    }
    if (person !== undefined) this.pins.delete(person);
    else this.others.splice(other, 1);
    this.rotationDue = true;
  }

  private requireSecret(id: string): void {
    if (this.lost.has(id)) throw failure('key_lost', 'the device secret is gone');
  }

  private require(person: string): PinSlot {
    checkPerson(person);
    const slot = this.pins.get(person);
    if (slot === undefined) throw failure('not_found', 'there is no such slot');
    return slot;
  }

  private makeId(): string {
    return (++this.made).toString(16).padStart(32, '0');
  }
}

function slot(id: string, kind: string, person: string | null): KeySlot {
  return { id, kind, person, level: kind === 'recovery' ? null : 'unprotected' };
}

function checkPerson(person: string): void {
  if (typeof person !== 'string' || person === '' || person.length > 64) {
    throw failure('invalid_input', 'a person is named by 1 to 64 bytes');
  }
}

function checkPin(pin: readonly number[]): string {
  if (!Array.isArray(pin) || !pin.every((b) => Number.isInteger(b) && b >= 0 && b <= 255)) {
    throw failure('invalid_input', 'a PIN is a list of bytes');
  }
  if (pin.length < 4 || pin.length > 128) {
    throw failure('invalid_input', 'a PIN is 4 to 128 bytes long');
  }
  return pin.join(',');
}
