/** Who are you, and your PIN. The first person of a new tablet chooses one. */
import type { ReactElement } from 'react';
import { useEffect, useState } from 'react';
import { isAmanaError, useVault } from 'react-native-amana';

import { Button, Field, Message, Screen } from './ui';

export function UnlockScreen(): ReactElement {
  const vault = useVault();
  const [isNew, setIsNew] = useState(false);
  const [person, setPerson] = useState('');
  const [pin, setPin] = useState('');
  const [trouble, setTrouble] = useState('');

  useEffect(() => {
    let gone = false;
    vault.glance().then(
      ({ presence }) => {
        if (!gone) setIsNew(presence === 'nothing');
      },
      (error: unknown) => setTrouble(explain(error))
    );
    return () => {
      gone = true;
    };
  }, [vault]);

  const open = async () => {
    try {
      await (isNew ? vault.create({ person, pin }) : vault.unlock({ person, pin }));
    } catch (error) {
      setTrouble(explain(error));
    } finally {
      setPin('');
    }
  };

  return (
    <Screen title={isNew ? 'A new tablet' : 'Locked'}>
      <Field label="Name" value={person} onChangeText={setPerson} autoCapitalize="none" />
      <Field
        label={isNew ? 'Choose a PIN' : 'PIN'}
        value={pin}
        onChangeText={setPin}
        keyboardType="number-pad"
        secureTextEntry
      />
      <Button title={isNew ? 'Begin' : 'Unlock'} onPress={() => void open()} />
      <Message>{trouble}</Message>
    </Screen>
  );
}

function explain(error: unknown): string {
  if (!isAmanaError(error)) return 'Something went wrong.';
  switch (error.code) {
    case 'wrong_pin':
    case 'not_found':
      return 'Name or PIN is wrong.';
    case 'pin_delayed':
      return `Too many wrong PINs. Wait ${Math.ceil((error.retryAfterMs ?? 0) / 1000)} seconds.`;
    case 'invalid_input':
      return 'A PIN has at least four digits.';
    case 'key_temporarily_unavailable':
      return 'The tablet is not ready yet. Try again in a moment.';
    default:
      return `The records cannot be opened (${error.code}).`;
  }
}
