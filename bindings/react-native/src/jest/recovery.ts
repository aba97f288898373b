/** The organisation's side of a recovery in memory: who has a request can answer it. Nothing is sealed. */
import type { RecoveryRequest } from '../NativeAmana.ts';
import { fromBase64, toBase64 } from '../text.ts';
import { failure } from './failure.ts';

const [REQUEST, ANSWER] = ['request ', 'answer to '];
let requests = 0;

/** Another one each time. */
export function makeRequest(): RecoveryRequest {
  const number = (++requests).toString(16).padStart(16, '0');
  return { request: encode(`${REQUEST}${number}`), fingerprint: number };
}

/** What the organisation's tool would answer. */
export function answerTo(request: string): string {
  const text = decode(request);
  if (!text.startsWith(REQUEST)) throw failure('invalid_input', 'this is not a request');
  return encode(`${ANSWER}${text.slice(REQUEST.length)}`);
}

export const isAnswer = (text: string): boolean => decode(text).startsWith(ANSWER);

const encode = (text: string): string => toBase64(Uint8Array.from(text, (c) => c.charCodeAt(0)));

const decode = (base64: string): string => String.fromCharCode(...(fromBase64(base64) ?? []));
