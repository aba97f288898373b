/** A form. What is half typed is kept in memory, and gone with the lock. */
import type { ReactElement } from 'react';
import { useState } from 'react';
import { isAmanaError, useSecureValue, useVault } from 'react-native-amana';

import { Button, Field, Message, Screen } from './ui';

interface Draft {
  readonly given_name: string;
  readonly surname: string;
  readonly date_of_birth: string;
}
const EMPTY: Draft = { given_name: '', surname: '', date_of_birth: '' };

export function NewPatientScreen(props: { done: () => void }): ReactElement {
  const vault = useVault();
  const [text, setText] = useSecureValue('new-patient', { namespace: 'drafts', session: true });
  const [draft, setDraft] = useState<Draft>(text === null ? EMPTY : (JSON.parse(text) as Draft));
  const [trouble, setTrouble] = useState('');

  const change = (column: keyof Draft) => (value: string) => {
    const next = { ...draft, [column]: value };
    setDraft(next);
    setText(JSON.stringify(next)).catch(() => setTrouble('The draft was not kept.'));
  };
  const save = async () => {
    try {
      const { date_of_birth, ...names } = draft;
      await vault
        .table('patients')
        .create({ ...names, ...(date_of_birth === '' ? {} : { date_of_birth }) });
      await setText(null);
      props.done();
    } catch (error) {
      // the place is a column of the schema, never a value
      const at = isAmanaError(error) ? (error.at ?? error.code) : 'unknown';
      setTrouble(`Please look at ${at}.`);
    }
  };

  return (
    <Screen title="New patient">
      <Field label="Given name" value={draft.given_name} onChangeText={change('given_name')} />
      <Field label="Surname" value={draft.surname} onChangeText={change('surname')} />
      <Field
        label="Born (YYYY-MM-DD)"
        value={draft.date_of_birth}
        onChangeText={change('date_of_birth')}
      />
      <Button title="Save" onPress={() => void save()} />
      <Button title="Back" onPress={props.done} />
      <Message>{trouble}</Message>
    </Screen>
  );
}
