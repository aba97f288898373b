/** The deep merge of AsyncStorage's `mergeItem`: objects are merged, everything else is replaced. */
import { invalid, isPlainObject } from './check.ts';

/** The JSON text of `added` merged into `stored`. `invalid_input` where one of them is no JSON object. */
export function mergeJson(stored: string, added: string): string {
  return JSON.stringify(merge(read(stored), read(added)));
}

function read(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('only JSON objects can be merged');
  }
  if (!isPlainObject(value)) throw invalid('only JSON objects can be merged');
  return value;
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): unknown {
  const out: Record<string, unknown> = Object.assign(Object.create(null) as object, into);
  for (const [name, value] of Object.entries(from)) {
    const old = Object.hasOwn(out, name) ? out[name] : undefined;
    out[name] = isPlainObject(old) && isPlainObject(value) ? merge(old, value) : value;
  }
  return out;
}
