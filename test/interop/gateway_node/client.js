// Fabric's public Node client of the Gateway, unmodified, over mutual TLS. What each step came to is printed as one JSON line;
// ../gateway_kit.py judges it.
//   node client.js <setup.json>
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const { checkpointers, connect, hash, signers, CommitError, GatewayError } = require('@hyperledger/fabric-gateway');

const setup = JSON.parse(fs.readFileSync(process.argv[2]));
const text = (bytes) => Buffer.from(bytes).toString();
const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }));

async function step(name, run) {
  try {
    say(name, { answer: await run() });
  } catch (error) {
    const fields = { error: String(error.message) };
    if (error instanceof GatewayError || error.details) fields.details = error.details;
    if (error instanceof CommitError) fields.commit = String(error.code);
    say(name, fields);
  }
}

async function main() {
  const certificate = fs.readFileSync(setup.TLSCertificate);
  const credentials = grpc.credentials.createSsl(fs.readFileSync(setup.TLSRoot), fs.readFileSync(setup.TLSKey), certificate);
  const client = new grpc.Client(setup.Address, credentials, { 'grpc.ssl_target_name_override': setup.ServerName });
  const sign = signers.newPrivateKeySigner(crypto.createPrivateKey(fs.readFileSync(setup.Key)));
  const soon = (ms) => () => ({ deadline: Date.now() + ms });
  const gateway = connect({
    client, identity: { mspId: setup.MSPID, credentials: fs.readFileSync(setup.Certificate) }, signer: sign, hash: hash.sha256,
    tlsClientCertificateHash: crypto.createHash('sha256').update(new crypto.X509Certificate(certificate).raw).digest(),
    evaluateOptions: soon(20000), endorseOptions: soon(20000), submitOptions: soon(20000), commitStatusOptions: soon(60000),
  });
  const network = gateway.getNetwork(setup.Channel);
  const contract = network.getContract(setup.Chaincode);

  await step('submit', async () => text(await contract.submitTransaction('put', 'k', 'one')));
  await step('evaluate', async () => text(await contract.evaluateTransaction('get', 'k')));
  let commit, firstBlock = 0n;
  await step('async submit', async () => {
    commit = await contract.submitAsync('put', { arguments: ['k', 'two'] });
    return text(commit.getResult());
  });
  await step('async commit', async () => {
    const status = await commit.getStatus();
    firstBlock = status.blockNumber;
    return status.successful && status.transactionId === commit.getTransactionId();
  });
  await step('offline signing', async () => {
    const proposal = contract.newProposal('put', { arguments: ['k', 'offline'] });
    const signed = gateway.newSignedProposal(proposal.getBytes(), await sign(proposal.getDigest()));
    const transaction = await signed.endorse();
    const ready = gateway.newSignedTransaction(transaction.getBytes(), await sign(transaction.getDigest()));
    const sent = await ready.submit();
    const waiting = gateway.newSignedCommit(sent.getBytes(), await sign(sent.getDigest()));
    const status = await waiting.getStatus();
    return status.code === 0 ? 'VALID' : String(status.code);
  });

  const checkpointer = await checkpointers.file(path.join(path.dirname(process.argv[2]), 'checkpoint-node.json'));
  await step('chaincode event', async () => {
    const events = await network.getChaincodeEvents(setup.Chaincode, { startBlock: firstBlock });
    try {
      await contract.submitTransaction('event', 'happened', '42');
      for await (const event of events) {
        await checkpointer.checkpointChaincodeEvent(event);
        return `${event.eventName}=${text(event.payload)}`;
      }
    } finally {
      events.close();
    }
  });
  await step('event after checkpoint', async () => {
    await contract.submitTransaction('event', 'again', '43');
    const events = await network.getChaincodeEvents(setup.Chaincode, { checkpoint: checkpointer, startBlock: 0n });
    try {
      for await (const event of events) return `${event.eventName}=${text(event.payload)}`;
    } finally {
      events.close();
    }
  });
  const first = async (stream, show) => {
    const timer = setTimeout(() => stream.close(), 20000);
    try {
      for await (const one of stream) return show(one);
    } finally {
      clearTimeout(timer);
      stream.close();
    }
  };
  await step('block event', async () => first(await network.getBlockEvents({ startBlock: 0n }), (b) => Number(b.getHeader().getNumber())));
  await step('filtered block event', async () => first(await network.getFilteredBlockEvents({ startBlock: firstBlock }), (b) => {
    const code = b.getFilteredTransactionsList()[0].getTxValidationCode();
    return `${b.getChannelId()} ${BigInt(b.getNumber()) - firstBlock} ${code === 0 ? 'VALID' : code}`;
  }));
  await step('block and private data event', async () => first(await network.getBlockAndPrivateDataEvents({ startBlock: firstBlock }),
    (b) => Number(BigInt(b.getBlock().getHeader().getNumber()) - firstBlock)));

  await step('evaluate error', () => contract.evaluateTransaction('no such function'));
  await step('endorse error', () => contract.submitTransaction('no such function'));
  await step('unknown chaincode', () => network.getContract('nosuchchaincode').evaluateTransaction('get', 'k'));
  await step('unknown channel', () => gateway.getNetwork('nosuchchannel').getContract(setup.Chaincode).evaluateTransaction('get', 'k'));
  await step('unknown organisation', () => contract.submit('put', { arguments: ['k', 'three'], endorsingOrganizations: ['Org1MSP', 'Org9MSP'] }));
  await step('too few endorsements', () => contract.submit('put', { arguments: ['k', 'three'], endorsingOrganizations: ['Org1MSP'] }));
  await step('unchanged', async () => text(await contract.evaluateTransaction('get', 'k')));
  gateway.close();
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
