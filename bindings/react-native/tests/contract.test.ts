import { MemoryNative } from '../src/jest/index.ts';
import { NOWHERE } from './contract/harness.ts';
import { describeContract } from './contract/index.ts';

let memory = new MemoryNative();

describeContract('the mock', {
  fresh: async () => {
    memory = new MemoryNative();
    memory.cloud.refuse('patients', (row) => row['primary_clinic_id'] === NOWHERE);
    return memory;
  },
  done: async () => undefined,
  advance: (milliseconds) => memory.advance(milliseconds),
  cloud: {
    url: 'https://clinic.example',
    email: 'a@clinic.example',
    password: 'secret',
    clinic: '01890a5d-ac96-774b-bcce-b302099a8057',
    nowhere: NOWHERE,
  },
});
