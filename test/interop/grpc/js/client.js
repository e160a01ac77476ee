// grpc-js against our server over mutual TLS; bytes instead of generated messages.
'use strict';
const fs = require('fs');
const path = require('path');
const assert = require('assert');
const grpc = require('@grpc/grpc-js');

const [directory, port] = process.argv.slice(2);
const file = (name) => fs.readFileSync(path.join(directory, name));
const same = (bytes) => bytes;
const method = (name, requestStream, responseStream) => ({
  path: `/grpc.testing.TestService/${name}`, requestStream, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
const Client = grpc.makeGenericClientConstructor({
  emptyCall: method('EmptyCall', false, false),
  unaryCall: method('UnaryCall', false, false),
  unimplementedCall: method('UnimplementedCall', false, false),
  fullDuplexCall: method('FullDuplexCall', true, true),
  streamingOutputCall: method('StreamingOutputCall', false, true),
}, 'TestService');
const varint = (n) => { const out = []; for (; n > 127; n >>>= 7) out.push((n & 127) | 128); out.push(n); return Buffer.from(out); };
const field = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
const number = (n, value) => Buffer.concat([varint(n << 3), varint(value)]);
const output = (size) => field(2, number(1, size));

const creds = grpc.credentials.createSsl(file('ca.pem'), file('client.key'), file('client.pem'));
const client = new Client(`localhost:${port}`, creds);
const unary = (name, request, metadata = new grpc.Metadata(), options = {}) => new Promise((resolve) => {
  const seen = {};
  const call = client[name](request, metadata, options, (error, answer) => { seen.error = error; seen.answer = answer; });
  call.on('metadata', (m) => { seen.headers = m; });
  call.on('status', (s) => { seen.status = s; setImmediate(() => resolve(seen)); });
});

async function main() {
  let seen = await unary('emptyCall', Buffer.alloc(0));
  assert.strictEqual(seen.status.code, 0, seen.status.details);
  console.log('ok   empty unary');

  seen = await unary('unaryCall', Buffer.concat([number(2, 314159), field(3, field(2, Buffer.alloc(271828)))]));
  assert(seen.answer && seen.answer.length > 314159, String(seen.error));
  console.log('ok   large unary');

  const metadata = new grpc.Metadata();
  metadata.set('x-grpc-test-echo-initial', 'hello');
  metadata.set('x-grpc-test-echo-trailing-bin', Buffer.from([0xab, 0, 0xff]));
  seen = await unary('unaryCall', number(2, 1), metadata);
  assert.deepStrictEqual(seen.headers.get('x-grpc-test-echo-initial'), ['hello']);
  assert.deepStrictEqual(seen.status.metadata.get('x-grpc-test-echo-trailing-bin'), [Buffer.from([0xab, 0, 0xff])]);
  console.log('ok   metadata');

  seen = await unary('unaryCall', field(7, Buffer.concat([number(1, 2), field(2, Buffer.from('100% \u00e4\n'))])));
  assert.strictEqual(seen.status.code, 2);
  assert.strictEqual(seen.status.details, '100% \u00e4\n');
  console.log('ok   status');

  seen = await unary('unimplementedCall', Buffer.alloc(0));
  assert.strictEqual(seen.status.code, grpc.status.UNIMPLEMENTED);
  console.log('ok   unimplemented');

  await new Promise((resolve, reject) => {
    const call = client.fullDuplexCall();
    let got = 0;
    call.on('data', () => { if (++got < 100) call.write(output(got)); else call.end(); });
    call.on('status', (s) => (s.code === 0 && got === 100 ? resolve() : reject(new Error(`${s.code} after ${got}`))));
    call.on('error', () => {});
    call.write(output(0));
  });
  console.log('ok   ping pong');

  await new Promise((resolve, reject) => {
    const sizes = [31415, 9, 2653, 58979];
    const call = client.streamingOutputCall(Buffer.concat(sizes.map(output)));
    let got = 0;
    call.on('data', () => { ++got; });
    call.on('status', (s) => (s.code === 0 && got === 4 ? resolve() : reject(new Error(`${s.code} after ${got}`))));
    call.on('error', () => {});
  });
  console.log('ok   server streaming');

  await new Promise((resolve, reject) => {
    const call = client.fullDuplexCall({ deadline: Date.now() + 50 });
    call.on('data', () => {});
    call.on('error', () => {});
    call.on('status', (s) => (s.code === grpc.status.DEADLINE_EXCEEDED ? resolve() : reject(new Error(String(s.code)))));
    call.write(Buffer.concat([field(2, Buffer.concat([number(1, 1), number(2, 1000000)]))]));
  });
  console.log('ok   deadline');

  const many = await Promise.all(Array.from({ length: 500 }, () => unary('unaryCall', number(2, 1000))));
  assert(many.every((one) => one.status.code === 0 && one.answer.length > 1000));
  console.log('ok   500 at once');

  const zipping = new Client(`localhost:${port}`, creds, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
  await new Promise((resolve, reject) => {
    const call = zipping.unaryCall(Buffer.concat([number(2, 314159), field(3, field(2, Buffer.alloc(271828)))]), (error, answer) => {
      if (error || answer.length <= 314159) reject(error || new Error('size'));
    });
    call.on('metadata', (m) => { zipping.encoding = m.get('grpc-encoding'); });
    call.on('status', (s) => (s.code === 0 ? resolve() : reject(new Error(s.details))));
  });
  await new Promise((resolve, reject) => {
    const call = zipping.fullDuplexCall();
    let got = 0;
    call.on('data', () => { if (++got < 100) call.write(output(got)); else call.end(); });
    call.on('status', (s) => (s.code === 0 && got === 100 ? resolve() : reject(new Error(`${s.code} after ${got}`))));
    call.on('error', () => {});
    call.write(output(0));
  });
  console.log('ok   gzip');

  const bare = new Client(`localhost:${port}`, grpc.credentials.createSsl(file('ca.pem')));
  const refused = await new Promise((resolve) => bare.emptyCall(Buffer.alloc(0), (error) => resolve(error)));
  assert.strictEqual(refused.code, grpc.status.UNAVAILABLE);
  assert(/certificate required/.test(refused.details), refused.details);
  console.log('ok   a refused client reads the alert');
  process.exit(0);
}
main().catch((error) => { console.error('FAIL', error); process.exit(1); });
