/** A clinic's shared tablet in small: unlock with a PIN, live patients, a form, sync with progress. */
import type { ReactElement } from 'react';
import { useState } from 'react';
import { AmanaProvider, useVaultState } from 'react-native-amana';

import { NewPatientScreen } from './NewPatientScreen';
import { PatientsScreen } from './PatientsScreen';
import { SyncScreen } from './SyncScreen';
import { Button, Message, Screen } from './ui';
import { UnlockScreen } from './UnlockScreen';

export function App(): ReactElement {
  return (
    <AmanaProvider
      config={{ name: 'clinic', policy: 'person' }}
      fallback={<Message>Opening…</Message>}
      failed={(error, retry) => (
        <Screen title="The records cannot be opened">
          <Message>{error.code}</Message>
          {error.retryable ? <Button title="Try again" onPress={retry} /> : null}
        </Screen>
      )}
    >
      <Main />
    </AmanaProvider>
  );
}

type Place = 'patients' | 'new' | 'sync';

function Main(): ReactElement {
  const state = useVaultState();
  const [place, setPlace] = useState<Place>('patients');
  if (state !== 'unlocked') return <UnlockScreen />;
  const back = () => setPlace('patients');
  switch (place) {
    case 'new':
      return <NewPatientScreen done={back} />;
    case 'sync':
      return <SyncScreen done={back} />;
    case 'patients':
      return <PatientsScreen add={() => setPlace('new')} sync={() => setPlace('sync')} />;
  }
}
