import { amanaMock, MemoryNative } from '../src/jest/index.ts';
import { NOWHERE } from './contract/harness.ts';
import { describeContract } from './contract/index.ts';

const CLINIC = '01890a5d-ac96-774b-bcce-b302099a8057';
const PEOPLE = [
  { email: 'a@clinic.example', password: 'secret' },
  { email: 'b@clinic.example', password: 'other' },
] as const;

const CLOUD = {
  url: 'https://clinic.example',
  ...PEOPLE[0],
  clinic: CLINIC,
  nowhere: NOWHERE,
};

let memory = new MemoryNative();
let hub = memory.hub();

describeContract('the mock', {
  fresh: async () => {
    memory = new MemoryNative();
    hub = memory.hub({ clinicId: CLINIC });
    for (const { email, password } of PEOPLE) hub.addPerson(email, password);
    memory.cloud.put('clinics', { id: CLINIC, name: 'Clinic A' });
    memory.cloud.refuse('patients', (row) => row['primary_clinic_id'] === NOWHERE);
    return memory;
  },
  done: async () => undefined,
  advance: (milliseconds) => memory.advance(milliseconds),
  cloud: CLOUD,
  careless: () => ({
    ...CLOUD,
    dropPush: async () => {
      jest.spyOn(memory.cloud, 'take').mockImplementationOnce(() => undefined);
    },
    showNothing: async () => {
      const spy = jest.spyOn(memory.cloud, 'changes').mockReturnValue([]);
      return async () => spy.mockRestore();
    },
  }),
  phone: () => ({
    damage: (vault) => memory.damage(vault),
    watchSecrets: () => (vault) => memory.loseSecrets(vault),
    confirms: () => undefined,
    recoveryKey: Buffer.alloc(32, 7).toString('base64'),
    answer: (request) => amanaMock.answerRecovery(request),
  }),
  hub: () => ({
    qr: hub.qr,
    url: hub.url,
    peer: hub.peer,
    name: hub.name,
    clinic: hub.clinicId,
    people: PEOPLE,
    impostor: memory.hub({ id: hub.id }).url,
    holdPull: async () => {
      const release = memory.holdSync();
      return async () => release();
    },
  }),
});
