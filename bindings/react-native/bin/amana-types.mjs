#!/usr/bin/env node
// Writes the TypeScript types of an app's own schema.
//   npx amana-types SCHEMA.json [--out FILE] [--name NAME] [--data FILE] [--check]
//     --out    the file to write (default: standard output)
//     --name   the name of the type (default: AppSchema)
//     --data   also writes the schema itself as a module, to this file
//     --check  writes nothing; exits 1 if the file at --out is not what would be written
// The rules of what may be left out of a new record are the core's.
import { readFileSync, writeFileSync } from 'node:fs';

const ROLES = {
  id: ['string', 'string'],
  text: ['string', 'string'],
  enum: ['string', 'string'],
  ref: ['string', 'string'],
  integer: ['number', 'number'],
  number: ['number', 'number'],
  decimal: ['string', 'string | number'],
  bool: ['boolean', 'boolean'],
  instant: ['number', 'number'],
  day: ['string', 'string'],
  json: ['string', 'JsonInput'],
};
/** Columns that only the store sets, in tables that travel both ways. */
const STORE_SETS = ['updated_at', 'is_deleted', 'deleted_at'];
const STAMPS = ['created_at', 'updated_at', 'last_modified', 'server_created_at'];

/** Whether a new record may leave the column out: the core then knows what it holds. */
function hasDefault(column) {
  if (column.role === 'id' || column.role === 'json' || column.nullable) return true;
  if (column.role === 'instant') return STAMPS.includes(column.name);
  return ['text', 'enum', 'bool'].includes(column.role);
}

function typeOf(column, written) {
  const roles = ROLES[column.role];
  if (roles === undefined) throw new Error(`unknown role of ${column.name}`);
  return roles[written ? 1 : 0] + (column.nullable ? ' | null' : '');
}

function comment(column) {
  const words = {
    ref: column.ref ? `Id of a record of \`${column.ref}\`.` : 'Id of a record.',
    decimal: 'A decimal number as text.',
    instant: 'Epoch milliseconds.',
    day: 'YYYY-MM-DD.',
    json: `JSON text, ${column.default === '[]' ? 'a list' : 'an object'}.`,
  }[column.role];
  return words === undefined ? '' : `    /** ${words} */\n`;
}

function tableType(table, names) {
  const refs = refsOf(table, names);
  const columns = table.columns.filter((column) => !column.hidden);
  const row = columns.map((c) => `${comment(c)}    ${c.name}: ${typeOf(c, false)};\n`).join('');
  if (table.direction === 'pull') {
    return `  ${table.name}: {\n    row: {\n${indent(row)}    };\n    insert: never;\n    update: never;\n${refs}  };\n`;
  }
  const given = columns.filter((c) => table.direction !== 'both' || !STORE_SETS.includes(c.name));
  const insert = given
    .map((c) => `    ${c.name}${hasDefault(c) ? '?' : ''}: ${typeOf(c, true)};\n`)
    .join('');
  const update = given
    .filter((c) => c.role !== 'id')
    .map((c) => `    ${c.name}?: ${typeOf(c, true)};\n`)
    .join('');
  return (
    `  ${table.name}: {\n    row: {\n${indent(row)}    };\n` +
    `    insert: {\n${indent(insert)}    };\n    update: {\n${indent(update)}    };\n${refs}  };\n`
  );
}

/** Which columns refer to a table of the schema: what a query may include. */
function refsOf(table, names) {
  const refs = table.columns.filter((c) => c.role === 'ref' && !c.hidden && names.includes(c.ref));
  if (refs.length === 0) return '';
  return `    refs: {\n${refs.map((c) => `      ${c.name}: '${c.ref}';\n`).join('')}    };\n`;
}

const indent = (text) => text.replace(/^/gm, '  ').replace(/ {2}$/, '');

export function makeTypes(schema, { name = 'AppSchema', from = 'react-native-amana' } = {}) {
  if (!Array.isArray(schema?.tables)) throw new Error('a schema has a list of tables');
  const names = schema.tables.map((table) => table.name);
  const usesJson = schema.tables.some(
    (t) => t.direction !== 'pull' && t.columns.some((c) => c.role === 'json' && !c.hidden)
  );
  return (
    `// Written by amana-types from version ${schema.version} of the schema: do not edit.\n` +
    (usesJson ? `import type { JsonInput } from '${from}';\n` : '') +
    `\n/** The tables: \`row\` as read, \`insert\` for a new record, \`update\` for a change, \`refs\` to others. */\n` +
    `export interface ${name} {\n${schema.tables.map((table) => tableType(table, names)).join('')}}\n`
  );
}

function main(argv) {
  const options = {
    out: null,
    name: 'AppSchema',
    from: 'react-native-amana',
    data: null,
    check: false,
  };
  const files = [];
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--check') options.check = true;
    else if (
      ['--out', '--name', '--from', '--data'].includes(argv[i]) &&
      argv[i + 1] !== undefined
    ) {
      options[argv[i].slice(2)] = argv[++i];
    } else if (argv[i].startsWith('-')) return usage();
    else files.push(argv[i]);
  }
  if (files.length !== 1 || (options.check && options.out === null)) return usage();
  if (!/^[A-Za-z_]\w*$/.test(options.name)) return usage();
  const written = [];
  try {
    const json = readFileSync(files[0], 'utf8');
    const types = makeTypes(JSON.parse(json), options);
    if (options.out === null) process.stdout.write(types);
    else written.push([options.out, types]);
    if (options.data !== null) written.push([options.data, makeData(json)]);
  } catch (error) {
    console.error(`amana-types: ${files[0]}: ${error.message}`);
    return 1;
  }
  for (const [file, text] of written) {
    if (!options.check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      console.error(`amana-types: ${file} is not what ${files[0]} says: run it again`);
      return 1;
    }
  }
  return 0;
}

function makeData(json) {
  const text = JSON.stringify(JSON.parse(json), null, 1);
  return `// Written by amana-types: do not edit.\nexport default ${text};\n`;
}

function usage() {
  console.error(
    'usage: amana-types SCHEMA.json [--out FILE] [--name NAME] [--data FILE] [--check]'
  );
  return 2;
}

if (process.argv[1]?.match(/amana-types(\.mjs)?$/)) process.exitCode = main(process.argv.slice(2));
