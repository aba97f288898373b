/** What happens to a phone: files that are damaged, secrets that are gone, who stands in front of it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { RecoveryRequest } from '../src/index.ts';
import { required } from './jvmModule.ts';

const PAGE = 4096;

/** The disk of the phone whose app lives in this directory. */
export class Phone {
  private readonly home: string;
  constructor(home: string) {
    this.home = home;
  }

  private database = (vault: string) => path.join(this.home, 'vaults', vault, 'database');

  /** Whoever stands in front of the phone confirms every prompt, or none; null: it has no prompt. */
  set person(confirms: boolean | null) {
    const file = path.join(this.home, 'person');
    if (confirms === null) rmSync(file, { force: true });
    else writeFileSync(file, confirms ? 'yes' : 'no');
  }

  /** Whether the key store answers; one that does not is as after a restart of the phone. */
  set keyStoreAnswers(answers: boolean) {
    const marker = path.join(this.home, 'keys/unavailable');
    if (answers) rmSync(marker, { force: true });
    else writeFileSync(marker, '');
  }

  /** The secrets that are in the key store, by name. */
  secrets(): readonly string[] {
    return readdirSync(path.join(this.home, 'keys')).filter((name) => name.startsWith('amana.'));
  }

  /** The key store has lost these secrets. */
  lose(secrets: readonly string[]): void {
    for (const name of secrets) rmSync(path.join(this.home, 'keys', name));
  }

  pages = (vault: string): number => readFileSync(this.database(vault)).length / PAGE;

  /** Flips a bit in one page (from 1) of a locked vault's database. Returns how to mend it. */
  damage(vault: string, page: number): () => void {
    const file = this.database(vault);
    const before = readFileSync(file);
    const bytes = Buffer.from(before);
    const at = (page - 1) * PAGE + 1000;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(file, bytes);
    return () => writeFileSync(file, before);
  }
}

/** The organisation's side of a recovery: the program that scripts/recovery runs. */
export class Organisation {
  private readonly directory: string;
  private answers = 0;
  constructor(directory: string) {
    this.directory = directory;
    this.run('make-key', this.file('keys'));
  }

  /** As an app's configuration takes it. */
  get publicKey(): string {
    return this.run('public-key', this.file('keys/organisation.public')).trim();
  }

  /** Answers a request whose fingerprint was read aloud so. Throws where the program refuses. */
  answer({ request }: RecoveryRequest, fingerprint: string): string {
    const [asked, answer] = [this.file('request'), this.file(`answer${++this.answers}`)];
    writeFileSync(asked, Buffer.from(request, 'base64'));
    const key = this.file('keys/organisation.private');
    this.run('answer', '--key', key, '--fingerprint', fingerprint, asked, answer);
    return readFileSync(answer).toString('base64');
  }

  private file = (name: string) => path.join(this.directory, name);

  private run(...command: string[]): string {
    const program = path.join(required('AMANA_LIB_DIR'), 'amana-recovery');
    return execFileSync(program, command, { encoding: 'utf8', stdio: 'pipe' });
  }
}
