// grpc-js: one call, and how it ended. call.js <address> <CA file> <certificate> <key>
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const [address, ca, certificate, key] = process.argv.slice(2);
const same = (bytes) => bytes;
const Client = grpc.makeGenericClientConstructor({
  nothing: { path: '/orderer.AtomicBroadcast/Nothing', requestStream: false, responseStream: false, requestSerialize: same,
    requestDeserialize: same, responseSerialize: same, responseDeserialize: same },
}, 'AtomicBroadcast');
const credentials = grpc.credentials.createSsl(fs.readFileSync(ca), fs.readFileSync(key), fs.readFileSync(certificate));
new Client(address, credentials).nothing(Buffer.alloc(0), { deadline: Date.now() + 20000 }, (error) => {
  console.log(error.message);
  process.exit(0);
});
