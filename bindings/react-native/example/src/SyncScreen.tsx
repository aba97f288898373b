/** Sign in once, then sync: what waits, how far it is, and a way to stop. */
import type { ReactElement } from 'react';
import { useRef, useState } from 'react';
import { isAmanaError, useSync, useVault } from 'react-native-amana';

import { Button, Field, Message, Screen } from './ui';

/** Where the clinic's server is; a test gives another. */
export const SERVER: { url: string; privateCaPem?: string } = { url: 'https://clinic.example' };

export function SyncScreen(props: { done: () => void }): ReactElement {
  const { status, running, progress, error, report, sync } = useSync();
  const abort = useRef<AbortController | null>(null);

  const start = () => {
    abort.current = new AbortController();
    void sync({ signal: abort.current.signal });
  };
  const last = status?.peers[0]?.lastSuccessMs ?? null;
  return (
    <Screen title="Sync">
      <Message>{`${status?.pending ?? 0} waiting`}</Message>
      <Message>{last === null ? 'Never synced' : `Last: ${new Date(last).toISOString()}`}</Message>
      {(status?.quarantined ?? 0) > 0 ? (
        <Message>{`${status?.quarantined} records are refused by the server`}</Message>
      ) : null}
      {progress === null ? null : <Message>{`${progress.phase}: ${progress.rows} rows`}</Message>}
      {report === null || running ? null : (
        <Message>{`Done: ${report.pulled} received, ${report.pushed} sent`}</Message>
      )}
      {error === null ? null : <Message>{`Failed: ${error.code}`}</Message>}
      {status !== null && status.person === null ? <SignIn /> : null}
      {running ? (
        <Button title="Stop" onPress={() => abort.current?.abort()} />
      ) : (
        <Button title="Sync now" onPress={start} />
      )}
      <Button title="Back" onPress={props.done} />
    </Screen>
  );
}

function SignIn(): ReactElement {
  const vault = useVault();
  const { sync } = useSync();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [trouble, setTrouble] = useState('');
  const signIn = async () => {
    try {
      await vault.signIn({ ...SERVER, email, password });
      await sync();
    } catch (error) {
      setTrouble(isAmanaError(error) ? error.code : 'failed');
    } finally {
      setPassword('');
    }
  };
  return (
    <>
      <Field label="E-mail" value={email} onChangeText={setEmail} autoCapitalize="none" />
      <Field label="Password" value={password} onChangeText={setPassword} secureTextEntry />
      <Button title="Sign in" onPress={() => void signIn()} />
      <Message>{trouble}</Message>
    </>
  );
}
