// Fabric's public Node SDK, unmodified, as an application: one identity and one TLS pair, given once. What each step came
// to is printed as one JSON line; ./run judges it.
//   node client.js <profile.json> all|evaluate
'use strict';
const fs = require('fs');
const { Gateway, Wallets, DefaultEventHandlerStrategies } = require('fabric-network');

const setup = JSON.parse(fs.readFileSync(process.argv[2]));
const read = (path) => fs.readFileSync(path).toString();
const tell = (step, value) => console.log(JSON.stringify({ step, ...value }));
const reason = (error) => [error.message, ...(error.responses || []).map((r) => r.response && r.response.message),
  ...(error.errors || []).map((e) => e.message)].join(' | ');

async function attempt(step, action) {
  try {
    const answer = await action();
    tell(step, { answer: answer === undefined ? '' : answer.toString() });
  } catch (error) {
    tell(step, { error: reason(error), code: error.transactionCode || error.code || '' });
  }
}

async function main() {
  const wallet = await Wallets.newInMemoryWallet();
  await wallet.put('user', { type: 'X.509', mspId: setup.mspId,
    credentials: { certificate: read(setup.certificate), privateKey: read(setup.key) } });
  const gateway = new Gateway();
  const options = { wallet, identity: 'user', discovery: { enabled: Boolean(setup.discovery), asLocalhost: false },
    eventHandlerOptions: { commitTimeout: 60, endorseTimeout: 30, strategy: DefaultEventHandlerStrategies.MSPID_SCOPE_ALLFORTX } };
  if (setup.tlsCertificate) options.tlsInfo = { certificate: read(setup.tlsCertificate), key: read(setup.tlsKey) };
  try {
    await gateway.connect(setup.profile, options);
    const network = await gateway.getNetwork('mychannel');
    const contract = network.getContract('cc');
    if (process.argv[3] === 'all') {
      await attempt('submit', () => contract.submitTransaction('put', 'sdk', 'one'));
      await attempt('evaluate', () => contract.evaluateTransaction('get', 'sdk'));
      await attempt('event', async () => {
        let listener;
        const seen = new Promise((resolve) => {
          listener = async (event) => { if (event.eventName === 'happened') resolve(event); };
        });
        await contract.addContractListener(listener);
        await contract.submitTransaction('event', 'happened', '42');
        const event = await seen;
        contract.removeContractListener(listener);
        return `${event.eventName}=${event.payload}`;
      });
      await attempt('endorsement error', () => contract.submitTransaction('no such function'));
      await attempt('commit error', () => contract.createTransaction('put')
        .setEndorsingPeers(network.getChannel().getEndorsers('Org1MSP')).submit('sdk', 'two'));
      await attempt('unchanged', () => contract.evaluateTransaction('get', 'sdk'));
    } else {
      await attempt('evaluate', () => contract.evaluateTransaction('get', 'sdk'));
    }
  } catch (error) {
    tell('connect', { error: reason(error) });
  }
  gateway.disconnect();
  process.exit(0);
}

main();
