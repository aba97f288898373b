/** The example's screens, used as a person uses them. Runs over whatever native module is in place. */
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react-native';
import { createElement, StrictMode } from 'react';

import { App } from '../../example/src/App';

const press = (name: string) => fireEvent.press(screen.getByRole('button', { name }));
const type = (label: string, text: string) => fireEvent.changeText(screen.getByLabelText(label), text);
const shown = (text: string | RegExp) => waitFor(() => screen.getByText(text));

/** Unlock, register, search, lock, wrong PIN, unlock, sign in, sync. */
export async function useTheApp(signIn: { email: string; password: string }): Promise<void> {
  await render(createElement(StrictMode, null, createElement(App)));
  await shown('A new tablet');
  await type('Name', 'amal');
  await type('Choose a PIN', '12');
  await press('Begin');
  await shown('A PIN has at least four digits.');
  await type('Choose a PIN', '4711');
  await press('Begin');
  await shown('Nobody yet.');

  for (const [given, surname] of [
    ['Basma', 'Khoury'],
    ['Celine', 'Aziz'],
  ] as const) {
    await press('New patient');
    await type('Given name', given);
    await type('Surname', surname);
    await type('Born (YYYY-MM-DD)', given === 'Basma' ? '3.2.1980' : '1980-02-03');
    await press('Save');
    if (given === 'Basma') {
      await shown('Please look at patients.date_of_birth.');
      await press('Back');
      await press('New patient');
      // the draft is still there
      expect(screen.getByLabelText('Surname').props['value']).toBe('Khoury');
      await type('Born (YYYY-MM-DD)', '');
      await press('Save');
    }
    await shown(`${surname}, ${given}`);
  }
  await type('Search by name', 'kho');
  await waitFor(() => expect(screen.queryByText('Aziz, Celine')).toBeNull());
  await shown('Khoury, Basma');
  await type('Search by name', '');
  await shown('Aziz, Celine');

  await press('Lock');
  await shown('Locked');
  await type('Name', 'amal');
  await type('PIN', '0000');
  await press('Unlock');
  await shown('Name or PIN is wrong.');
  await type('PIN', '4711');
  await press('Unlock');
  await shown('Khoury, Basma');

  await press('Sync');
  await shown('2 waiting');
  await type('E-mail', signIn.email);
  await type('Password', signIn.password);
  await press('Sign in');
  await shown(/^Done: .* 2 sent$/);
  await shown('0 waiting');
  await act(async () => undefined);
}
