// grpc-js: one call with each certificate, and how it ended, a line each. call.js <address> <CA file> {<certificate> <key>}
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const [address, ca, ...pairs] = process.argv.slice(2);
const same = (bytes) => bytes;
const Client = grpc.makeGenericClientConstructor({
  nothing: { path: '/orderer.AtomicBroadcast/Nothing', requestStream: false, responseStream: false, requestSerialize: same,
    requestDeserialize: same, responseSerialize: same, responseDeserialize: same },
}, 'AtomicBroadcast');
function next() {
  if (pairs.length < 2) process.exit(0);
  const [certificate, key] = pairs.splice(0, 2).map((file) => fs.readFileSync(file));
  const client = new Client(address, grpc.credentials.createSsl(fs.readFileSync(ca), key, certificate));
  client.nothing(Buffer.alloc(0), { deadline: Date.now() + 20000 }, (error) => {
    console.log(error.message);
    client.close();
    next();
  });
}
next();
