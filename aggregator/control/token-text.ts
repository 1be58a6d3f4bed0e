import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const SCOPES = ['ingest', 'query', 'admin', 'enrol'] as const;
export type Scope = (typeof SCOPES)[number];

/** `weir_<scope>_<256 random bits, base64url><crc32 of what stands before, 8 hex digits>`: a typing error is seen at once. */
const FORMAT = new RegExp(`^(weir_(?:${SCOPES.join('|')})_[A-Za-z0-9_-]{43})([0-9a-f]{8})$`);

export function makeToken(scope: Scope): string {
  const text = `weir_${scope}_${randomBytes(32).toString('base64url')}`;
  return text + checksum(text);
}

/** Whether the text has the form of a token and was copied whole. */
export function isWellFormedToken(text: string): boolean {
  const match = FORMAT.exec(text);
  return match !== null && checksum(match[1]!) === match[2];
}

const TOKEN_IN_TEXT = new RegExp(`(weir_(?:${SCOPES.join('|')})_)[A-Za-z0-9_-]{16,}`, 'g');

/** The text for logs and answers: a token that someone put where it does not belong is not repeated. */
export function withoutTokens(text: string): string {
  return text.replace(TOKEN_IN_TEXT, '$1…');
}

export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
