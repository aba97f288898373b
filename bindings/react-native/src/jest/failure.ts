/** Failures as the native module gives them: an `Error` with `code` and `userInfo`, not an `AmanaError`. */
import type { AmanaErrorCode } from '../errors.ts';
import { ERROR_CODES } from '../errors.ts';

export class NativeFailure extends Error {
  readonly code: AmanaErrorCode;
  readonly userInfo: {
    readonly retryable: boolean;
    readonly retryAfterMs: number | null;
    readonly at: string | null;
  };

  constructor(
    code: AmanaErrorCode,
    message: string,
    more: { at?: string; retryAfterMs?: number } = {}
  ) {
    super(message);
    this.code = code;
    this.userInfo = {
      retryable: ERROR_CODES[code],
      retryAfterMs: more.retryAfterMs ?? null,
      at: more.at ?? null,
    };
  }
}

export function failure(
  code: AmanaErrorCode,
  message: string,
  more: { at?: string; retryAfterMs?: number } = {}
): NativeFailure {
  return new NativeFailure(code, message, more);
}

/** The tagged text of a synchronous call's failure. */
export function replyOf(thrown: unknown): string {
  const { code, message, userInfo } =
    thrown instanceof NativeFailure ? thrown : failure('internal', 'the mock failed');
  return `!${JSON.stringify({ code, detail: message, ...userInfo })}`;
}
