// Fabric's public Java client of the Gateway, unmodified, over mutual TLS. What each step came to is printed as one JSON line;
// ../gateway_kit.py judges it.
package selvage;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.hyperledger.fabric.client.ChaincodeEvent;
import org.hyperledger.fabric.client.CloseableIterator;
import org.hyperledger.fabric.client.CommitException;
import org.hyperledger.fabric.client.CommitStatusException;
import org.hyperledger.fabric.client.Contract;
import org.hyperledger.fabric.client.FileCheckpointer;
import org.hyperledger.fabric.client.Gateway;
import org.hyperledger.fabric.client.GatewayException;
import org.hyperledger.fabric.client.GatewayRuntimeException;
import org.hyperledger.fabric.client.Hash;
import org.hyperledger.fabric.client.Network;
import org.hyperledger.fabric.client.SubmittedTransaction;
import org.hyperledger.fabric.client.identity.Identities;
import org.hyperledger.fabric.client.identity.Signer;
import org.hyperledger.fabric.client.identity.Signers;
import org.hyperledger.fabric.client.identity.X509Identity;
import org.hyperledger.fabric.protos.gateway.ErrorDetail;

public final class Client {
  private static final Gson GSON = new Gson();

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void step(String name, Callable<Object> run) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", name);
    try {
      line.put("answer", run.call());
    } catch (Exception e) {
      List<ErrorDetail> details = e instanceof GatewayException g ? g.getDetails()
          : e instanceof GatewayRuntimeException r ? r.getDetails() : List.of();
      String message = String.valueOf(e.getMessage());
      for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
        message += ": " + cause.getMessage();
      }
      if (e instanceof CommitException c) {
        message += " " + c.getCode();
      }
      line.put("error", message);
      List<Map<String, String>> shown = new ArrayList<>();
      for (ErrorDetail d : details) {
        shown.add(Map.of("address", d.getAddress(), "mspId", d.getMspId(), "message", d.getMessage()));
      }
      line.put("details", shown);
    }
    System.out.println(GSON.toJson(line));
  }

  public static void main(String[] args) throws Exception {
    JsonObject setup = GSON.fromJson(Files.readString(Path.of(args[0])), JsonObject.class);
    java.util.function.Function<String, String> of = key -> setup.get(key).getAsString();
    ChannelCredentials credentials = TlsChannelCredentials.newBuilder()
        .keyManager(new File(of.apply("TLSCertificate")), new File(of.apply("TLSKey")))
        .trustManager(new File(of.apply("TLSRoot"))).build();
    ManagedChannel channel = Grpc.newChannelBuilder(of.apply("Address"), credentials)
        .overrideAuthority(of.apply("ServerName")).build();
    byte[] hash;
    try (var in = new FileInputStream(of.apply("TLSCertificate"))) {
      var certificate = CertificateFactory.getInstance("X.509").generateCertificate(in);
      hash = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
    }
    var identity = new X509Identity(of.apply("MSPID"),
        Identities.readX509Certificate(Files.readString(Path.of(of.apply("Certificate")))));
    Signer signer = Signers.newPrivateKeySigner(Identities.readPrivateKey(Files.readString(Path.of(of.apply("Key")))));
    try (Gateway gateway = Gateway.newInstance().identity(identity).signer(signer).hash(Hash.SHA256).connection(channel)
        .tlsClientCertificateHash(hash).evaluateOptions(o -> o.withDeadlineAfter(20, TimeUnit.SECONDS))
        .endorseOptions(o -> o.withDeadlineAfter(20, TimeUnit.SECONDS))
        .submitOptions(o -> o.withDeadlineAfter(20, TimeUnit.SECONDS))
        .commitStatusOptions(o -> o.withDeadlineAfter(60, TimeUnit.SECONDS)).connect()) {
      run(gateway, signer, of.apply("Channel"), of.apply("Chaincode"), Path.of(args[0]).getParent());
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private static void run(Gateway gateway, Signer signer, String channel, String chaincode, Path folder) {
    Network network = gateway.getNetwork(channel);
    Contract contract = network.getContract(chaincode);
    step("submit", () -> text(contract.submitTransaction("put", "k", "one")));
    step("evaluate", () -> text(contract.evaluateTransaction("get", "k")));
    SubmittedTransaction[] commit = new SubmittedTransaction[1];
    long[] firstBlock = new long[1];
    step("async submit", () -> {
      commit[0] = contract.newProposal("put").addArguments("k", "two").build().endorse().submitAsync();
      return text(commit[0].getResult());
    });
    step("async commit", () -> {
      var status = commit[0].getStatus();
      firstBlock[0] = status.getBlockNumber();
      return status.isSuccessful() && status.getTransactionId().equals(commit[0].getTransactionId());
    });
    step("offline signing", () -> {
      var proposal = contract.newProposal("put").addArguments("k", "offline").build();
      var transaction = gateway.newSignedProposal(proposal.getBytes(), signer.sign(proposal.getDigest())).endorse();
      var sent = gateway.newSignedTransaction(transaction.getBytes(), signer.sign(transaction.getDigest())).submitAsync();
      return gateway.newSignedCommit(sent.getBytes(), signer.sign(sent.getDigest())).getStatus().getCode().toString();
    });
    step("chaincode event", () -> {
      try (var checkpointer = new FileCheckpointer(folder.resolve("checkpoint-java.json"));
          CloseableIterator<ChaincodeEvent> events =
              network.newChaincodeEventsRequest(chaincode).startBlock(firstBlock[0]).build().getEvents()) {
        contract.submitTransaction("event", "happened", "42");
        ChaincodeEvent event = events.next();
        checkpointer.checkpointChaincodeEvent(event);
        return event.getEventName() + "=" + text(event.getPayload());
      }
    });
    step("event after checkpoint", () -> {
      contract.submitTransaction("event", "again", "43");
      try (var checkpointer = new FileCheckpointer(folder.resolve("checkpoint-java.json"));
          CloseableIterator<ChaincodeEvent> events =
              network.newChaincodeEventsRequest(chaincode).checkpoint(checkpointer).startBlock(0).build().getEvents()) {
        ChaincodeEvent event = events.next();
        return event.getEventName() + "=" + text(event.getPayload());
      }
    });
    step("block event", () -> {
      try (var events = network.newBlockEventsRequest().startBlock(0).build().getEvents()) {
        return events.next().getHeader().getNumber();
      }
    });
    step("filtered block event", () -> {
      try (var events = network.newFilteredBlockEventsRequest().startBlock(firstBlock[0]).build().getEvents()) {
        var block = events.next();
        return block.getChannelId() + " " + (block.getNumber() - firstBlock[0]) + " "
            + block.getFilteredTransactions(0).getTxValidationCode();
      }
    });
    step("block and private data event", () -> {
      try (var events = network.newBlockAndPrivateDataEventsRequest().startBlock(firstBlock[0]).build().getEvents()) {
        return events.next().getBlock().getHeader().getNumber() - firstBlock[0];
      }
    });
    step("evaluate error", () -> text(contract.evaluateTransaction("no such function")));
    step("endorse error", () -> text(contract.submitTransaction("no such function")));
    step("unknown chaincode", () -> text(network.getContract("nosuchchaincode").evaluateTransaction("get", "k")));
    step("unknown channel",
        () -> text(gateway.getNetwork("nosuchchannel").getContract(chaincode).evaluateTransaction("get", "k")));
    step("unknown organisation", () -> contract.newProposal("put").addArguments("k", "three")
        .setEndorsingOrganizations("Org1MSP", "Org9MSP").build().endorse().submit());
    step("too few endorsements", () -> contract.newProposal("put").addArguments("k", "three")
        .setEndorsingOrganizations("Org1MSP").build().endorse().submit());
    step("unchanged", () -> text(contract.evaluateTransaction("get", "k")));
  }
}
