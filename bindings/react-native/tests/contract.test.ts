import { MemoryNative } from '../src/jest/index.ts';
import { describeContract } from './contract/index.ts';

let memory = new MemoryNative();

describeContract('the mock', {
  fresh: async () => (memory = new MemoryNative()),
  done: async () => undefined,
  advance: (milliseconds) => memory.advance(milliseconds),
  cloud: { url: 'https://clinic.example', email: 'a@clinic.example', password: 'secret' },
});
