/** The TypeScript tests. Over the mock; the same contract over the real library has a project of its own. */
const source = '<rootDir>/bindings/react-native/src';

module.exports = {
  preset: '@react-native/jest-preset',
  roots: [
    '<rootDir>/bindings/react-native/src',
    '<rootDir>/bindings/react-native/tests',
    '<rootDir>/bindings/react-native/docs',
  ],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  testPathIgnorePatterns: ['/node_modules/'],
  transform: {
    '^.+\\.(js|jsx|mjs|ts|tsx)$': ['babel-jest', { presets: ['@react-native/babel-preset'] }],
  },
  transformIgnorePatterns: [
    'node_modules/(?!((jest-)?react-native|@react-native(-community)?|jotai|zustand|@tanstack|redux|redux-persist|test-renderer|@testing-library|react-native-.*|@react-native-.*)/)',
  ],
  moduleNameMapper: {
    // an app has `expo`, which passes these on
    '^expo/config-plugins$': '@expo/config-plugins',
    '^react-native-amana$': `${source}/index.ts`,
    '^react-native-amana/async-storage$': `${source}/async-storage.ts`,
    '^react-native-amana/jest$': `${source}/jest/index.ts`,
    '^react-native-amana/(zustand|redux-persist|tanstack-query|jotai)$': `${source}/adapters/$1.ts`,
  },
  setupFilesAfterEnv: ['<rootDir>/bindings/react-native/tests/setup.ts'],
  // no test measures time: the limit only ends what hangs
  testTimeout: 120000,
  modulePathIgnorePatterns: ['<rootDir>/target/', '<rootDir>/lib/'],
};
