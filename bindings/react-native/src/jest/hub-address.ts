/** A hub's code and address, checked with the core's words. Pure. */
import { failure } from './failure.ts';

/** What a hub's QR code says. */
export interface HubAddress {
  readonly url: string;
  readonly id: string;
  readonly key: string;
}

/** 32 bytes in base64url, not all of them zero. */
const KEY = /^(?!A{43}$)[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const LOCAL =
  /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[(::1|f[cd]|fe[89ab]))/;

/** Reads the text of a QR code. */
export function parseCode(given: string): HubAddress {
  const text = given.trim();
  if (/^https:\/\//i.test(text)) {
    throw failure('invalid_input', 'this is the code of a cloud: sign in there instead');
  }
  if (/^http:\/\//i.test(text)) {
    const why = 'this hub is not registered with the cloud yet: its code has no key';
    throw failure('invalid_input', why);
  }
  const code = membersOf(text);
  if (code === null) {
    throw failure('invalid_input', 'this is not the code of a hub or a cloud');
  }
  if (code['type'] !== 'sync_hub') throw failure('invalid_input', "this code is not a hub's");
  const { id, pk: key, url } = code;
  if (typeof id !== 'string' || typeof key !== 'string') {
    const why = "the hub's code lacks its id or key: it could not be told from an impostor";
    throw failure('invalid_input', why);
  }
  if (id === '' || id.length > 128) throw failure('invalid_input', "the hub's id is not one");
  if (typeof url !== 'string') throw failure('invalid_input', "the hub's code has no address");
  if (!KEY.test(key)) throw failure('invalid_input', "the hub's public key is not one");
  return { url: parseHubUrl(url), id, key };
}

/** An address of a private network, without its trailing slash. */
export function parseHubUrl(text: string): string {
  if (!/^http:\/\/[^/?#@]+\/?$/i.test(text)) {
    const why = "the hub's address must be http:// with an IP address and a port alone";
    throw failure('invalid_input', why);
  }
  const url = text.replace(/\/$/, '');
  if (!LOCAL.test(url.slice('http://'.length))) {
    const why = "the hub's address must be an IP address of a private network";
    throw failure('invalid_input', why);
  }
  return url;
}

function membersOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
