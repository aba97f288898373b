import { describeContract } from '../tests/contract/index.ts';
import { cloudSide, theCarelessCloud, theHub, theModule } from './app.ts';

const app = theModule();

describeContract('the real library', {
  // names are used once, so one disk serves all tests
  fresh: () => Promise.resolve(app.module),
  done: () => Promise.resolve(),
  cloud: cloudSide('SHARED'),
  careless: theCarelessCloud,
  hub: theHub,
});
