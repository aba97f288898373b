import { useTheApp } from '../tests/example/screens.ts';
import { theModule } from './app.ts';

theModule();

test('the example, over the real library', async () => {
  // its cloud is a clinic's own: here it ends where it would sign in
  await useTheApp(null);
});
