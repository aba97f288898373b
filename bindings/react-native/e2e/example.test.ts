import { SERVER } from '../example/src/SyncScreen';
import { useTheApp } from '../tests/example/screens.ts';
import { theCloud, theModule } from './app.ts';

theModule();
const { noor } = theCloud();

test('the example, over the real library and the reference server', async () => {
  const { email, password, ...server } = noor;
  Object.assign(SERVER, server);
  await useTheApp({ email, password });
});
