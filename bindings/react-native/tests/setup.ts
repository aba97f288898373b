import { configure } from '@testing-library/react-native';

// how long `waitFor` looks before it gives up: far longer than anything takes on a busy machine
configure({ asyncUtilTimeout: 60_000 });
