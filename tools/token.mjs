// Prints a signed token: token.mjs LIFETIME CLAIMS <SECRET
//
// LIFETIME: seconds from now, negative for a token that has expired.
// CLAIMS: a JSON object; "iat" and "exp" are added.
//
// It needs nothing of npm, so that the stack does not.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [lifetime, claims] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const exp = now + Number(lifetime);

const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
const signed = [{ alg: 'HS256', typ: 'JWT' }, { ...JSON.parse(claims), iat: Math.min(now, exp) - 1, exp }].map(encode).join('.');
console.log(`${signed}.${createHmac('sha256', readFileSync(0)).update(signed).digest('base64url')}`);
