import { NOWHERE } from '../tests/contract/harness.ts';
import { describeContract } from '../tests/contract/index.ts';
import { theCloud, theHub, theModule } from './app.ts';

const app = theModule();
const { noor, clinic } = theCloud();

describeContract('the real library', {
  // names are used once, so one disk serves all tests
  fresh: () => Promise.resolve(app.module),
  done: () => Promise.resolve(),
  cloud: {
    url: noor.url,
    ca: noor.privateCaPem,
    email: noor.email,
    password: noor.password,
    clinic,
    nowhere: NOWHERE,
  },
  hub: theHub,
});
