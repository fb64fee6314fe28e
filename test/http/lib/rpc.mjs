// How Zitadel's services are called in each protocol, and how an answer is read:
// strictly, and with nothing that the server's own codec has a part in.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { env } from './client.mjs';

// Protobuf's binary form, written by hand.
function varint(number) {
  const bytes = [];
  for (let rest = BigInt(number); ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) return Buffer.from(bytes);
  }
}
export const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
export const bytes = (field, value) => Buffer.concat([varint(field << 3 | 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);

export function frame(message, flags = 0) {
  const header = Buffer.alloc(5);
  header.writeUInt8(flags);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

// Microseconds since 1970.
const timestamp = (moment) => Buffer.concat([number(1, moment / 1_000_000n), moment % 1_000_000n ? number(2, (moment % 1_000_000n) * 1000n) : Buffer.alloc(0)]);

const errorDetail = ({ id, text }) => Buffer.concat([bytes(1, id), bytes(2, text)]);
const base64 = (buffer) => buffer.toString('base64').replace(/=+$/, '');
const full = ({ id, text }) => (id ? `${text} (${id})` : text);
const statusDetails = (error) => base64(Buffer.concat([
  number(1, error.code), bytes(2, full(error)),
  bytes(3, Buffer.concat([bytes(1, 'type.googleapis.com/zitadel.v1.ErrorDetail'), bytes(2, errorDetail(error))])),
]));

// One call over HTTP/2 without TLS.
export function http2(path, { method = 'POST', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const session = connect(env.GRPC_URL).on('error', reject);
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    const answer = { trailers: {}, chunks: [] };
    stream.on('response', (received) => { answer.headers = received; answer.status = received[':status']; });
    stream.on('trailers', (received) => { answer.trailers = Object.fromEntries(Object.entries(received)); });
    stream.on('data', (chunk) => answer.chunks.push(chunk));
    stream.on('error', (error) => { session.destroy(); reject(error); });
    stream.on('close', () => {
      session.close();
      resolve({ ...answer, body: Buffer.concat(answer.chunks) });
    });
    if (body !== undefined) stream.end(body);
  });
}

async function http1(path, { method = 'POST', headers = {}, body } = {}) {
  const answer = await fetch(env.HTTP_URL + path, { method, headers, body });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), trailers: {}, body: Buffer.from(await answer.arrayBuffer()) };
}

// What a success or an error looks like: check(answer, expected, type).  expected
// is { response, json } or { code, text, [id] }.
function checkGrpc(answer, expected, type) {
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], type);
  if (expected.response) {
    assert.deepEqual(answer.body, frame(expected.response));
    assert.deepEqual(answer.trailers, { 'grpc-status': '0' });
    return;
  }
  assert.equal(answer.body.length, 0);
  assert.deepEqual(answer.trailers, {
    'grpc-status': String(expected.code),
    'grpc-message': full(expected),
    ...(expected.id ? { 'grpc-status-details-bin': statusDetails(expected) } : {}),
  });
}

function checkGrpcWeb(answer, expected, type) {
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], type);
  assert.deepEqual(answer.trailers, {});
  const lines = expected.response ? ['grpc-status: 0'] : [
    `grpc-status: ${expected.code}`, `grpc-message: ${full(expected)}`,
    ...(expected.id ? [`grpc-status-details-bin: ${statusDetails(expected)}`] : []),
  ];
  const trailers = frame(Buffer.from(lines.map((line) => `${line}\r\n`).join('')), 0x80);
  assert.deepEqual(answer.body, expected.response ? Buffer.concat([frame(expected.response), trailers]) : trailers);
}

const connectCodes = {
  3: ['invalid_argument', 400], 5: ['not_found', 404], 7: ['permission_denied', 403], 8: ['resource_exhausted', 429],
  9: ['failed_precondition', 400], 12: ['unimplemented', 501], 13: ['internal', 500], 14: ['unavailable', 503],
  16: ['unauthenticated', 401],
};

function checkConnect(answer, expected, type) {
  assert.deepEqual(answer.trailers, {});
  if (expected.response) {
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(answer.headers['content-type'], type);
    if (type === 'application/json') assert.equal(answer.body.toString(), expected.json);
    else assert.deepEqual(answer.body, expected.response);
    return;
  }
  const [code, status] = connectCodes[expected.code];
  assert.equal(answer.status, status, answer.body.toString());
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.body.toString(), JSON.stringify({
    code, message: full(expected),
    ...(expected.id ? {
      details: [{ type: 'zitadel.v1.ErrorDetail', value: base64(errorDetail(expected)), debug: { id: expected.id, message: expected.text } }],
    } : {}),
  }));
}

// encode(message) wraps a message; request(id) is the whole body that names a user.
const binary = (encode) => ({ encode, request: (id) => encode(id === undefined ? Buffer.alloc(0) : bytes(1, id)) });
export const protocols = {
  gRPC: { type: 'application/grpc', transport: http2, headers: { te: 'trailers' }, check: checkGrpc, framed: true, ...binary(frame) },
  'gRPC-Web': { type: 'application/grpc-web+proto', transport: http1, headers: { 'x-grpc-web': '1' }, check: checkGrpcWeb, framed: true, ...binary(frame) },
  'Connect in JSON': {
    type: 'application/json', transport: http1, headers: {}, check: checkConnect, isConnect: true,
    request: (id) => Buffer.from(JSON.stringify({ userId: id })),
  },
  'Connect in protobuf': {
    type: 'application/proto', transport: http1, headers: { 'connect-protocol-version': '1' }, check: checkConnect, isConnect: true, ...binary((message) => message),
  },
};

// Calls a method, as the operator unless told otherwise; token null: without.
export function call(protocol, path, body, { token = env.OPERATOR_TOKEN, type = protocol.type, headers = {}, transport = protocol.transport } = {}) {
  return transport(path, {
    headers: { 'content-type': type, ...protocol.headers, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers }, body,
  });
}

// The two services: how a response numbers its fields.
export const services = {
  'v2 UserService': {
    path: '/zitadel.user.v2.UserService/',
    response: (d) => bytes(1, Buffer.concat([
      number(1, d.sequence), bytes(2, timestamp(d.changed)), bytes(3, d.tenant), bytes(4, timestamp(d.created))])),
  },
  'v1 ManagementService': {
    path: '/zitadel.management.v1.ManagementService/',
    response: (d) => bytes(1, Buffer.concat([
      number(1, d.sequence), bytes(2, timestamp(d.created)), bytes(3, timestamp(d.changed)), bytes(4, d.tenant)])),
  },
};

// Errors that both services have; the last with the user API's id.
export const missingToken = { code: 16, text: 'auth header missing' };
export const badToken = { code: 16, text: 'Errors.Token.Invalid', id: 'AUTH-7fs1e' };
export const noOrganisation = { code: 7, text: "Organisation doesn't exist", id: 'AUTH-Bs7Ds' };
export const invalidBody = { code: 3, text: 'invalid request body' };
export const compressed = { code: 12, text: 'compression is not supported' };
export const tooLarge = { code: 8, text: 'Request Entity Too Large' };
export const denied = { code: 7, text: 'No matching permissions found', id: 'AUTH-AWfge' };
