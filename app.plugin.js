'use strict';

module.exports = require('./bindings/react-native/plugin');
