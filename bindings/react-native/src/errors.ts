/**
 * The one error that apps see, and the closed list of its codes. `scripts/check-errors` holds this list
 * equal to the core's and to `docs/errors.md`, which says for each code what an app should do.
 */

/** Every code, and whether the same call may succeed later without anything being changed. */
export const ERROR_CODES = {
  locked: false,
  key_temporarily_unavailable: true,
  key_lost: false,
  key_mismatch: false,
  wrong_pin: false,
  pin_delayed: true,
  keyring_damaged: false,
  keyring_too_new: false,
  database_damaged: false,
  storage_too_new: false,
  storage_full: true,
  storage_busy: true,
  not_encrypted: false,
  invalid_input: false,
  not_found: false,
  value_too_large: false,
  permission_denied: false,
  not_signed_in: false,
  presence_required: true,
  network: true,
  tls: false,
  unauthorized: false,
  rate_limited: true,
  server: true,
  protocol: false,
  forbidden_table: false,
  peer_identity_mismatch: false,
  upgrade_required: false,
  busy: true,
  closed: false,
  unsupported: false,
  cancelled: true,
  internal: false,
} as const satisfies Record<string, boolean>;

/** What went wrong, from a closed list. */
export type AmanaErrorCode = keyof typeof ERROR_CODES;

/** What comes with a code. */
export interface AmanaErrorDetails {
  /** Where: table, column or place in the schema. Never a value. */
  readonly at?: string | null;
  /** After how many milliseconds a new attempt makes sense. */
  readonly retryAfterMs?: number | null;
  /** Whether the same call may succeed later; the code's own answer where it is left out. */
  readonly retryable?: boolean;
}

/**
 * Every failure of Amana. `message` is fixed text for people who read logs; it holds no value of any
 * record, so it may be sent to a crash reporter.
 */
export class AmanaError extends Error {
  override readonly name = 'AmanaError';
  /** What went wrong. */
  readonly code: AmanaErrorCode;
  /** Whether the same call may succeed later without anything being changed. */
  readonly retryable: boolean;
  /** After how many milliseconds a new attempt makes sense; null where nobody knows. */
  readonly retryAfterMs: number | null;
  /** Where: table, column or place in the schema; null where that says nothing. */
  readonly at: string | null;

  constructor(code: AmanaErrorCode, detail: string, more: AmanaErrorDetails = {}) {
    super(detail);
    this.code = code;
    this.retryable = more.retryable ?? ERROR_CODES[code];
    this.retryAfterMs = more.retryAfterMs ?? null;
    this.at = more.at ?? null;
  }
}

/** Whether an unknown thing is an error of Amana, and optionally has one of these codes. */
export function isAmanaError(error: unknown, ...codes: AmanaErrorCode[]): error is AmanaError {
  return error instanceof AmanaError && (codes.length === 0 || codes.includes(error.code));
}

/** Whether a text is one of the codes. */
export function isErrorCode(code: unknown): code is AmanaErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/**
 * What the native side rejected with, as an `AmanaError`. A text that is not known to be fixed is left
 * out: it could hold anything.
 */
export function toAmanaError(error: unknown): AmanaError {
  if (error instanceof AmanaError) return error;
  if (
    typeof error !== 'object' ||
    error === null ||
    !('code' in error) ||
    !isErrorCode(error.code)
  ) {
    return new AmanaError('internal', 'the native module failed in a way that it should not');
  }
  const detail = 'message' in error && typeof error.message === 'string' ? error.message : '';
  const info = 'userInfo' in error ? (error.userInfo as NativeErrorInfo | null | undefined) : null;
  return new AmanaError(error.code, detail, detailsOf(info));
}

interface NativeErrorInfo {
  readonly retryable?: unknown;
  readonly retryAfterMs?: unknown;
  readonly at?: unknown;
}

function detailsOf(info: NativeErrorInfo | null | undefined): AmanaErrorDetails {
  return {
    at: typeof info?.at === 'string' ? info.at : null,
    retryAfterMs: typeof info?.retryAfterMs === 'number' ? info.retryAfterMs : null,
    ...(typeof info?.retryable === 'boolean' ? { retryable: info.retryable } : {}),
  };
}

/** The error of a synchronous reply: `{"code","detail","retryable","retryAfterMs","at"}`. */
export function errorFromReply(json: string): AmanaError {
  try {
    const reply = JSON.parse(json) as NativeErrorInfo & { code?: unknown; detail?: unknown };
    if (isErrorCode(reply.code)) {
      const detail = typeof reply.detail === 'string' ? reply.detail : '';
      return new AmanaError(reply.code, detail, detailsOf(reply));
    }
  } catch {
    // falls through: no JSON is no reply
  }
  return new AmanaError('internal', 'the native module gave a reply that cannot be read');
}
