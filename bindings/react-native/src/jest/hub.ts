/** A clinic's hub in memory: its code, its people, and what it holds. It meets no cloud by itself. */
import type { SignedInPerson } from '../NativeAmana.ts';
import { MemoryPeer } from './peer-store.ts';

/** How a hub is set up; each member has a value of its own where it is left out. */
export interface HubSetUp {
  /** The id that the cloud gave it. */
  readonly id?: string;
  /** What it calls itself. */
  readonly name?: string;
  /** The clinic of its people. */
  readonly clinicId?: string;
  /** Its public key, 43 characters of base64url. A hub of the same id with another one is an impostor. */
  readonly key?: string;
}

interface KnownPerson extends SignedInPerson {
  readonly password: string;
}

const CLINIC = '01890a5d-ac96-774b-bcce-b302099a8057';

/** The hub that a mock vault pairs with. */
export class MemoryHub extends MemoryPeer {
  /** Its name as a peer: what `pairHub` gives, and what `sync({ peer })` takes. */
  readonly peer: string;
  readonly id: string;
  readonly name: string;
  readonly clinicId: string;
  /** Where it answers. */
  readonly url: string;
  private readonly key: string;
  private readonly people = new Map<string, KnownPerson>();

  /** @internal Hubs are numbered by the network that they are in. */
  constructor(now: () => number, number: number, setUp: HubSetUp = {}) {
    super(now);
    const digits = String(number);
    this.id = setUp.id ?? `01890a5d-ac96-774b-bcce-${digits.padStart(12, '0')}`;
    this.name = setUp.name ?? `Hub ${digits}`;
    this.clinicId = setUp.clinicId ?? CLINIC;
    this.key = setUp.key ?? `${'hub'.padEnd(42 - digits.length, '_')}${digits}A`;
    this.url = `http://192.168.1.${digits}:4001`;
    this.peer = `hub:${this.id}`;
  }

  /** The text of its QR code: what an app's scanner hands to `pairHub`. */
  get qr(): string {
    const { url, id, key } = this;
    return JSON.stringify({ type: 'sync_hub', url, id, pk: key });
  }

  /** Makes somebody known to it. Once it knows anybody, nobody else signs in: `unauthorized`. */
  addPerson(email: string, password: string, person: Partial<SignedInPerson> = {}): void {
    this.people.set(email, { ...this.anybody(email), ...person, password });
  }

  /** @internal Whoever has this e-mail and password; null where it knows others and not them. */
  personOf(email: string, password: string): SignedInPerson | null {
    if (this.people.size === 0) return this.anybody(email);
    const known = this.people.get(email);
    if (known === undefined || known.password !== password) return null;
    const { id, name, role, clinicId } = known;
    return { id, name, role, clinicId };
  }

  /** @internal Whether it holds what was pinned. */
  proves(id: string, key: string): boolean {
    return this.id === id && this.key === key;
  }

  private anybody(email: string): SignedInPerson {
    return { id: email, name: email, role: 'provider', clinicId: this.clinicId };
  }
}
