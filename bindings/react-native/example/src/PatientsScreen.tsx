/** Every patient whose name begins so, live. */
import type { ReactElement } from 'react';
import { useState } from 'react';
import { FlatList } from 'react-native';
import { useQuery, useVault } from 'react-native-amana';

import { Button, Field, Message, Screen } from './ui';

export function PatientsScreen(props: { add: () => void; sync: () => void }): ReactElement {
  const vault = useVault();
  const [search, setSearch] = useState('');
  const { rows, status } = useQuery('patients', (all) => {
    const found =
      search === ''
        ? all
        : all.any((is) => [
            is('given_name', 'startsWith', search),
            is('surname', 'startsWith', search),
          ]);
    return found.orderBy('surname').orderBy('given_name').limit(200);
  });
  return (
    <Screen title="Patients">
      <Field label="Search by name" value={search} onChangeText={setSearch} />
      <FlatList
        data={rows}
        keyExtractor={(patient) => patient.id}
        renderItem={({ item }) => (
          <Message>{`${item.surname ?? ''}, ${item.given_name ?? ''}`}</Message>
        )}
        ListEmptyComponent={status === 'ready' ? <Message>Nobody yet.</Message> : undefined}
      />
      <Button title="New patient" onPress={props.add} />
      <Button title="Sync" onPress={props.sync} />
      <Button title="Lock" onPress={() => void vault.lock()} />
    </Screen>
  );
}
