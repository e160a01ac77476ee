// gRPC's interop service on grpc-js over mutual TLS, for our client; bytes instead of generated messages.
'use strict';
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');

const [directory] = process.argv.slice(2);
const file = (name) => fs.readFileSync(path.join(directory, name));
const same = (bytes) => bytes;
const method = (name, requestStream, responseStream) => ({
  path: `/grpc.testing.TestService/${name}`, requestStream, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
const varint = (n) => { const out = []; for (; n > 127; n >>>= 7) out.push((n & 127) | 128); out.push(n); return Buffer.from(out); };
const field = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
const payload = (size) => field(1, field(2, Buffer.alloc(size)));

function fields(data) {
  const found = [];
  let at = 0;
  const take = () => { let value = 0, shift = 0, byte; do { byte = data[at++]; value += (byte & 127) * 2 ** shift; shift += 7; } while (byte > 127); return value; };
  while (at < data.length) {
    const tag = take();
    let value = take();
    if (tag & 7) { const end = at + value; value = data.subarray(at, end); at = end; }
    found.push([tag >> 3, value]);
  }
  return found;
}
const first = (data, number, otherwise) => { const hit = fields(data).find(([n]) => n === number); return hit ? hit[1] : otherwise; };
function asked(request) {
  const status = first(request, 7, null);
  return status ? { code: first(status, 1, 0), details: first(status, 2, Buffer.alloc(0)).toString() } : null;
}
function echo(call) {
  const trailer = new grpc.Metadata();
  const initial = call.metadata.get('x-grpc-test-echo-initial');
  if (initial.length) { const header = new grpc.Metadata(); header.set('x-grpc-test-echo-initial', initial[0]); call.sendMetadata(header); }
  const trailing = call.metadata.get('x-grpc-test-echo-trailing-bin');
  if (trailing.length) trailer.set('x-grpc-test-echo-trailing-bin', trailing[0]);
  return trailer;
}
async function answer(request, call) {
  for (const [number, wanted] of fields(request)) {
    if (number !== 2) continue;
    const pause = first(wanted, 2, 0);
    if (pause) await new Promise((resolve) => { setTimeout(resolve, pause / 1000); });
    call.write(payload(first(wanted, 1, 0)));
  }
}

const server = new grpc.Server();
server.addService({
  emptyCall: method('EmptyCall', false, false),
  unaryCall: method('UnaryCall', false, false),
  streamingInputCall: method('StreamingInputCall', true, false),
  streamingOutputCall: method('StreamingOutputCall', false, true),
  fullDuplexCall: method('FullDuplexCall', true, true),
}, {
  emptyCall: (call, done) => done(null, Buffer.alloc(0)),
  unaryCall: (call, done) => {
    const trailer = echo(call);
    const status = asked(call.request);
    if (status) done(status); else done(null, payload(first(call.request, 2, 0)), trailer);
  },
  streamingInputCall: (call, done) => {
    let total = 0;
    call.on('data', (request) => { total += first(first(request, 1, Buffer.alloc(0)), 2, '').length; });
    call.on('end', () => done(null, Buffer.concat([varint(8), varint(total)])));
  },
  streamingOutputCall: async (call) => { await answer(call.request, call); call.end(); },
  fullDuplexCall: (call) => {
    const trailer = echo(call);
    let turn = Promise.resolve();  // answers come in the order of the requests
    let over = false;
    call.on('data', (request) => {
      turn = turn.then(() => {
        const status = asked(request);
        if (status) { over = true; call.emit('error', status); }
        return over ? null : answer(request, call);
      });
    });
    call.on('end', () => { turn.then(() => { if (!over) call.end(trailer); }); });
  },
});
const credentials = grpc.ServerCredentials.createSsl(file('ca.pem'), [{ private_key: file('server.key'), cert_chain: file('server.pem') }], true);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log('listening', port);
});
process.stdin.on('end', () => process.exit(0)).resume();
