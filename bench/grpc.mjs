// Unlocks users over HTTP/2 for some seconds, a new user each time, and prints the
// rate as http.lua does.  Encodings: json, grpc, grpc_web, connect_json.
//
//   node grpc.mjs ENCODING SECONDS CLIENTS
import { connect } from 'node:http2';

const [encoding, seconds, clients] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

// Field 1 of a request message, in a frame.
function frame(id) {
  const message = Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id)]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}
const method = '/zitadel.user.v2.UserService/UnlockUser';
const requests = {
  json: (id) => [`/v2/users/${id}/unlock`, 'application/json', Buffer.from('{}')],
  grpc: (id) => [method, 'application/grpc', frame(id)],
  grpc_web: (id) => [method, 'application/grpc-web+proto', frame(id)],
  connect_json: (id) => [method, 'application/json', Buffer.from(`{"userId":"${id}"}`)],
};

const sessions = Array.from({ length: 4 }, () => connect(process.env.GRPC_URL));
const authorization = `Bearer ${process.env.OPERATOR_TOKEN}`;
let next = 1;
let done = 0;
let failed = 0;

// One call; its outcome is in the trailers of gRPC, in the body of gRPC-Web, else in
// the status.
function call(session) {
  const [path, type, body] = requests[encoding](String(next++));
  return new Promise((resolve) => {
    let [status, grpcStatus] = [0, encoding === 'grpc' ? undefined : '0'];
    let last;
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type, authorization, te: 'trailers' });
    stream.on('response', (headers) => { status = headers[':status']; });
    stream.on('trailers', (trailers) => { grpcStatus = trailers['grpc-status']; });
    stream.on('data', (chunk) => { last = chunk; });
    stream.on('error', () => {});
    stream.on('close', () => {
      if (encoding === 'grpc_web' && !last?.includes('grpc-status: 0\r\n')) failed++;
      else if (status !== 200 || grpcStatus !== '0') failed++;
      else done++;
      resolve();
    });
    stream.end(body);
  });
}

const begin = process.hrtime.bigint();
const end = begin + BigInt(seconds * 1e9);
await Promise.all(Array.from({ length: clients }, async (_, client) => {
  while (process.hrtime.bigint() < end) await call(sessions[client % sessions.length]);
}));
const duration = Number(process.hrtime.bigint() - begin) / 1e9;
for (const session of sessions) session.close();
console.log(`rate ${(done / duration).toFixed(1)} requests ${done + failed} failed ${failed}`);
