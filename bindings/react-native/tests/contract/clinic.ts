/** A clinic for tests: its hub, tablets that are closed after each test, the cloud. */
import type { Vault, VaultConfig } from '../../src/index.ts';
import { openVault } from '../../src/index.ts';
import type { CloudSide, Harness, HubSide } from './harness.ts';
import { freshName } from './harness.ts';

export interface Clinic {
  /** Of the test that runs. */
  readonly hub: HubSide;
  readonly peer: string;
  readonly cloud: CloudSide;
  tablet: (config?: VaultConfig) => Promise<Vault>;
  /** Pairs a tablet and signs one of the hub's people in. */
  join: (vault: Vault, who?: 0 | 1) => Promise<Vault>;
  atCloud: (vault: Vault) => Promise<void>;
}

/** To be called once for each list of tests; null where there is no hub. */
export function aClinic(harness: Harness): Clinic | null {
  const { cloud, hub: hubOf } = harness;
  if (hubOf === undefined || cloud === undefined) return null;
  let hub: HubSide | null = null;
  let vaults: Vault[] = [];
  beforeEach(() => {
    hub = hubOf();
  });
  afterEach(async () => {
    for (const vault of vaults) await vault.close();
    vaults = [];
  });
  const present = (): HubSide => {
    if (hub === null) throw new Error('a hub is there in a test alone');
    return hub;
  };
  const { url, ca, email, password } = cloud;
  return {
    cloud,
    get hub() {
      return present();
    },
    get peer() {
      return present().peer;
    },
    tablet: async (config = {}) => {
      const vault = await openVault({ name: freshName(), ...config });
      vaults.push(vault);
      return vault;
    },
    join: async (vault, who = 0) => {
      const { qr, peer, people } = present();
      await vault.peers.pairHub(qr);
      await vault.peers.signInAtHub({ peer, ...loginOf(people[who]) });
      return vault;
    },
    atCloud: async (vault) => {
      const trust = ca === undefined ? {} : { privateCaPem: ca };
      await vault.signIn({ url, email, password, ...trust });
    },
  };
}

const loginOf = ({ email, password }: HubSide['people'][0]) => ({ email, password });

export const patients = (vault: Vault) => vault.table('patients');
export const standing = (vault: Vault, id: string) => vault.peers.standing('patients', id);
export const peerOf = async (vault: Vault, name: string) =>
  (await vault.status()).peers.find((one) => one.peer === name);
