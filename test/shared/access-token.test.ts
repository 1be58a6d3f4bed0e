import test from 'ava';
import { accessToken } from '../../shared/access-token.ts';
import { WeirError } from '../../shared/errors.ts';

const files: Record<string, string> = { option: 'from-option\r\n', environment: '\uFEFFfrom-file\n' };
const read = (path: string) => files[path] ?? path;

test('the option goes first, then WEIR_TOKEN, then WEIR_TOKEN_FILE', (t) => {
  const both = { WEIR_TOKEN: 'from-variable', WEIR_TOKEN_FILE: 'environment' };
  t.is(accessToken('option', both, read), 'from-option');
  t.is(accessToken(undefined, both, read), 'from-variable');
  t.is(accessToken(undefined, { WEIR_TOKEN: '', WEIR_TOKEN_FILE: 'environment' }, read), 'from-file');
  t.is(accessToken(undefined, {}, read), null);
});

test('a token is one line, and no error shows it', (t) => {
  for (const text of ['', '\n', 'sec ret', 'secret\nsecret', 'secr\u00e9t', 's'.repeat(257)]) {
    const error = t.throws(() => accessToken('file', {}, () => text), { instanceOf: WeirError, code: 'CONFIGURATION', message: /^file holds no token/ });
    t.notRegex(error.message, /s+ec/);
  }
});

test('a file that must not be read is a matter of permission', (t) => {
  const refuse = (code: string) => () => { throw Object.assign(new Error(code), { code }); };
  t.throws(() => accessToken('file', {}, refuse('EACCES')), { code: 'PERMISSION', message: /^the token file file cannot be read/ });
  t.throws(() => accessToken('file', {}, refuse('ENOENT')), { code: 'CONFIGURATION' });
});
