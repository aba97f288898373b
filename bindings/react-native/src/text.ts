/**
 * Text and bytes as they cross to the native side: UTF-8, base64, tagged text. Pure. Written out here
 * since not every engine that React Native supports has `TextEncoder` and `btoa`.
 */
import { AmanaError, errorFromReply } from './errors.ts';

/** Text or bytes. Which of the two a value is, is kept. */
export type SecureValue = string | Uint8Array;

/** Whether every surrogate has its partner. Text that is not so has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  // with the flag u a pair is one character outside of the class
  return !/[\uD800-\uDFFF]/u.test(text);
}

/** The bytes of the UTF-8 of well-formed text. */
export function utf8(text: string): number[] {
  const out: number[] = [];
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    if (point < 0x80) out.push(point);
    else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) {
      out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    } else {
      out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63));
      out.push(0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    }
  }
  return out;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes as base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const block = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    parts.push(
      ALPHABET.charAt(block >> 18) +
        ALPHABET.charAt((block >> 12) & 63) +
        (b === undefined ? '=' : ALPHABET.charAt((block >> 6) & 63)) +
        (c === undefined ? '=' : ALPHABET.charAt(block & 63))
    );
  }
  return parts.join('');
}

/** The bytes of base64 with padding; null where the text is no such thing. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0, at = 0; i < text.length; i += 4) {
    let block = 0;
    for (let k = 0; k < 4; k++)
      block = (block << 6) | Math.max(0, ALPHABET.indexOf(text.charAt(i + k)));
    for (let shift = 16; shift >= 0 && at < out.length; shift -= 8)
      out[at++] = (block >> shift) & 255;
  }
  return out;
}

/** A value as tagged text. */
export function tag(value: SecureValue): string {
  return typeof value === 'string' ? `t${value}` : `b${toBase64(value)}`;
}

/** The value of tagged text. */
export function untag(tagged: string): SecureValue {
  if (tagged.startsWith('t')) return tagged.slice(1);
  const bytes = tagged.startsWith('b') ? fromBase64(tagged.slice(1)) : null;
  if (bytes === null) throw new AmanaError('internal', 'the native module gave a value of no kind');
  return bytes;
}

/** A synchronous reply: null where there is nothing, else the tagged text. Throws its error. */
export function readReply(reply: string): string | null {
  if (reply.startsWith('!')) throw errorFromReply(reply.slice(1));
  return reply === '-' ? null : reply;
}

/** The JSON of a synchronous reply, or null. */
export function readJsonReply(reply: string): unknown {
  const found = readReply(reply);
  if (found === null) return null;
  if (!found.startsWith('j')) throw new AmanaError('internal', 'the native module gave no JSON');
  return JSON.parse(found.slice(1)) as unknown;
}
