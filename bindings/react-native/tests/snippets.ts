/** The snippets of the guides. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const DOCS = join(__dirname, '../docs');

/** By `guide-number`. */
export function extract(): Map<string, string> {
  const found = new Map<string, string>();
  for (const guide of readdirSync(DOCS).filter((file) => file.endsWith('.md'))) {
    const text = readFileSync(join(DOCS, guide), 'utf8');
    const blocks = [...text.matchAll(/^```tsx?\n([\s\S]*?)^```$/gm)];
    blocks.forEach(([, code], i) => {
      found.set(`${guide.replace('.md', '')}-${i + 1}`, code ?? '');
    });
  }
  return found;
}

/** The name of the one snippet of a guide that exports this. */
export function whichExports(
  snippets: ReadonlyMap<string, string>,
  guide: string,
  what: string
): string {
  const isIt = new RegExp(`^export (async )?(function|const) ${what}\\b|^export default ${what};`, 'm');
  const found = [...snippets].filter(([name, code]) => name.startsWith(guide) && isIt.test(code));
  const [name] = found[0] ?? [];
  if (name === undefined || found.length > 1) throw new Error(`${guide}: ${what} is not there once`);
  return name;
}
