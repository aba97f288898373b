import { amanaMock } from 'react-native-amana/jest';

import { useTheApp } from './screens.ts';

test('the example, over the mock', async () => {
  amanaMock.reset();
  await useTheApp({ email: 'amal@clinic.example', password: 'secret' });
  expect(amanaMock.cloud.rows('patients')).toHaveLength(2);
});
