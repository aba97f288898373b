import { inspect } from 'node:util';

import { configure } from '@testing-library/react-native';

// how long `waitFor` looks before it gives up: far longer than anything takes on a busy machine
configure({ asyncUtilTimeout: 60_000 });

// What React says is wrong with a component is said to the console alone: here it fails the test.
const complaints: string[] = [];
const { error } = console;
console.error = (...said: unknown[]) => {
  complaints.push(said.map((part) => (typeof part === 'string' ? part : inspect(part))).join(' '));
  error(...said);
};
afterEach(() => {
  const found = complaints.splice(0);
  if (found.length > 0) throw new Error(`the console was told of errors:\n${found.join('\n')}`);
});
