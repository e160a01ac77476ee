// Chaincode on Fabric's own Node shim: as a service with client authentication, or dialling its peer. Its functions and answers are those of
// ../go/main.go: the test asks both the same.
'use strict';
const fs = require('fs');
const shim = require('fabric-shim');

async function rows(iterator) {
  const out = [];
  for (let row = await iterator.next(); ; row = await iterator.next()) {
    if (row.value && row.value.key !== undefined) {
      out.push(row.value.key.replaceAll('\u0000', '/') + '=' + Buffer.from(row.value.value).toString());
    }
    if (row.done) break;
  }
  await iterator.close();
  return out;
}

function orgPolicy(orgs) {
  const policy = new shim.KeyEndorsementPolicy();
  policy.addOrgs('PEER', ...orgs);
  return Buffer.from(policy.getPolicy());
}

const functions = {
  put: (s, [key, value]) => s.putState(key, Buffer.from(value)),
  get: async (s, [key]) => Buffer.from(await s.getState(key)),
  del: (s, [key]) => s.deleteState(key),
  putmany: async (s, [prefix, count]) => {
    for (let i = 0; i < Number(count); i++) await s.putState(prefix + String(i).padStart(4, '0'), Buffer.from('v' + i));
  },
  range: async (s, [start, end]) => (await rows(await s.getStateByRange(start, end))).join(','),
  count: async (s, [start, end]) => String((await rows(await s.getStateByRange(start, end))).length),
  page: async (s, [start, end, size, bookmark]) => {
    const {iterator, metadata} = await s.getStateByRangeWithPagination(start, end, Number(size), bookmark);
    return (await rows(iterator)).join(',') + '|' + metadata.fetchedRecordsCount + '|' + metadata.bookmark;
  },
  putcomposite: (s, [type, ...attributes]) => s.putState(s.createCompositeKey(type, attributes), Buffer.from('c')),
  composite: async (s, [type, ...attributes]) => (await rows(await s.getStateByPartialCompositeKey(type, attributes))).join(','),
  history: async (s, [key]) => {
    const iterator = await s.getHistoryForKey(key);
    const out = [];
    for (let row = await iterator.next(); ; row = await iterator.next()) {
      if (row.value && row.value.txId) out.push(Buffer.from(row.value.value).toString() + ':' + row.value.isDelete);
      if (row.done) break;
    }
    await iterator.close();
    return out.join(',');
  },
  putprivate: (s, [collection, key]) => s.putPrivateData(collection, key, Buffer.from(s.getTransient().get('value'))),
  getprivate: async (s, [collection, key]) => Buffer.from(await s.getPrivateData(collection, key)),
  hashprivate: async (s, [collection, key]) => Buffer.from(await s.getPrivateDataHash(collection, key)).toString('hex'),
  delprivate: (s, [collection, key]) => s.deletePrivateData(collection, key),
  setpolicy: (s, [key, policy]) => s.setStateValidationParameter(key, Buffer.from(policy)),
  setorgs: (s, [key, ...orgs]) => s.setStateValidationParameter(key, orgPolicy(orgs)),
  orgpolicy: async (s, orgs) => orgPolicy(orgs).toString('hex'),
  getpolicy: async (s, [key]) => Buffer.from((await s.getStateValidationParameter(key)) || ''),
  event: (s, [name, payload]) => s.setEvent(name, Buffer.from(payload)),
  call: async (s, [name, channel, ...args]) => {
    const r = await s.invokeChaincode(name, args, channel);
    return `${r.status}:${Buffer.from(r.payload || '').toString()}:${r.message || ''}`;
  },
  creator: async (s) => String(s.getCreator().mspid === 'Org1MSP' && Buffer.from(s.getCreator().idBytes).toString().includes('BEGIN CERTIFICATE')),
  query: async (s, [query]) => (await rows(await s.getQueryResult(query))).join(','),
};

class Chaincode {
  async Init(stub) {
    await stub.putState('init', Buffer.from('done'));
    return shim.success(Buffer.from('initialised'));
  }
  async Invoke(stub) {
    const {fcn, params} = stub.getFunctionAndParameters();
    if (fcn === 'status') return {status: Number(params[0]), message: 'as asked', payload: Buffer.from('payload')};
    if (fcn === 'exit') process.exit(3);
    if (!functions[fcn]) return shim.error('no function ' + fcn);
    try {
      return shim.success(Buffer.from((await functions[fcn](stub, params)) || ''));
    } catch (error) {
      return shim.error(error.message);
    }
  }
}

if (!process.env.CHAINCODE_SERVER_ADDRESS) {
  shim.start(new Chaincode());
} else {
  shim.server(new Chaincode(), {
    ccid: process.env.CHAINCODE_ID,
    address: process.env.CHAINCODE_SERVER_ADDRESS,
    tlsProps: {
      key: fs.readFileSync(process.env.CHAINCODE_TLS_KEY),
      cert: fs.readFileSync(process.env.CHAINCODE_TLS_CERT),
      clientCACerts: fs.readFileSync(process.env.CHAINCODE_CLIENT_CA_CERT),
    },
  }).start().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
