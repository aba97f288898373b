/** A wire to a server that can be held: what the server answers then waits, and is not lost. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

export class Wire {
  private readonly server = createServer((near) => this.join(near));
  private readonly ends = new Set<Socket>();
  private readonly to: URL;
  private held: Socket[] | null = null;
  private asked: (() => void) | null = null;

  /** To the server at this address, on this machine. */
  constructor(url: string) {
    this.to = new URL(url);
  }

  /** Resolves to the address of its near end. */
  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers wait from now on. Resolves as soon as something was asked. */
  hold(): Promise<void> {
    this.held = [];
    return new Promise((resolve) => (this.asked = resolve));
  }

  /** Lets what waits go on. */
  release(): void {
    for (const far of this.held ?? []) far.resume();
    this.held = null;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const end of this.ends) end.destroy();
    await closed;
  }

  private join(near: Socket): void {
    const far = connect(Number(this.to.port), this.to.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.ends.add(one);
      // an end that is given up takes the other with it
      one.on('close', () => {
        this.ends.delete(one);
        other.destroy();
      });
      one.on('error', () => one.destroy());
    }
    near.on('data', (bytes) => {
      far.write(bytes);
      if (this.held === null) return;
      far.pause();
      this.held.push(far);
      this.asked?.();
    });
    far.on('data', (bytes) => near.write(bytes));
  }
}
