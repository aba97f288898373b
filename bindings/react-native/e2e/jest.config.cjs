/** The TypeScript tests whose native module is the real one, in a JVM: scripts/test, step react-native. */
const base = require('../../../jest.config.cjs');

module.exports = {
  ...base,
  rootDir: '../../..',
  roots: ['<rootDir>/bindings/react-native/e2e'],
  globalSetup: '<rootDir>/bindings/react-native/e2e/cloud-start.cjs',
  globalTeardown: '<rootDir>/bindings/react-native/e2e/cloud-end.cjs',
  // a JVM for each file: two at a time are enough for a small machine
  maxWorkers: 2,
  testTimeout: 600_000,
};
