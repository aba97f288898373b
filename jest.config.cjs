/** The TypeScript tests. Over the mock; the same contract over the real library has a project of its own. */
const source = '<rootDir>/bindings/react-native/src';

module.exports = {
  preset: '@react-native/jest-preset',
  roots: ['<rootDir>/bindings/react-native'],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  testPathIgnorePatterns: ['/node_modules/', '/bindings/react-native/tests/bridge/'],
  transform: {
    '^.+\\.(js|jsx|mjs|ts|tsx)$': ['babel-jest', { presets: ['@react-native/babel-preset'] }],
  },
  transformIgnorePatterns: [
    'node_modules/(?!((jest-)?react-native|@react-native(-community)?|jotai|zustand|@tanstack|redux|redux-persist|test-renderer|@testing-library|react-native-.*|@react-native-.*)/)',
  ],
  moduleNameMapper: {
    '^react-native-amana$': `${source}/index.ts`,
    '^react-native-amana/async-storage$': `${source}/async-storage.ts`,
    '^react-native-amana/jest$': `${source}/jest/index.ts`,
    '^react-native-amana/(zustand|redux-persist|tanstack-query|jotai)$': `${source}/adapters/$1.ts`,
  },
  modulePathIgnorePatterns: ['<rootDir>/target/', '<rootDir>/lib/'],
};
