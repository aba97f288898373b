/** Events as the native module sends them: later than the call that caused them, in order. */
export class Emitter<T> {
  private readonly listeners = new Set<(event: T) => void>();

  readonly add = (listener: (event: T) => void): { remove(): void } => {
    const entry = (event: T) => listener(event);
    this.listeners.add(entry);
    return { remove: () => this.listeners.delete(entry) };
  };

  emit(event: T): void {
    void Promise.resolve().then(() => {
      for (const listener of [...this.listeners]) listener(event);
    });
  }
}
