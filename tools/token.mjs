// Prints a signed token: token.mjs SECRET_FILE LIFETIME CLAIMS
//
// LIFETIME: seconds from now, negative for a token that has expired.
// CLAIMS: a JSON object; "iat" and "exp" are added.
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';

const [secretFile, lifetime, claims] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const expires = now + Number(lifetime);

const token = await new SignJWT(JSON.parse(claims))
  .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
  .setIssuedAt(Math.min(now, expires) - 1)
  .setExpirationTime(expires)
  .sign(readFileSync(secretFile));
console.log(token);
