// Chaincode on Fabric's own Java shim: as a service, or dialling its peer. Its functions and answers are those of
// ../go/main.go: the test asks both the same.
package selvage;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.hyperledger.fabric.metrics.Metrics;
import org.hyperledger.fabric.shim.Chaincode;
import org.hyperledger.fabric.shim.ChaincodeBase;
import org.hyperledger.fabric.shim.ChaincodeServerProperties;
import org.hyperledger.fabric.shim.ChaincodeStub;
import org.hyperledger.fabric.shim.NettyChaincodeServer;
import org.hyperledger.fabric.shim.ResponseUtils;
import org.hyperledger.fabric.shim.ext.sbe.StateBasedEndorsement;
import org.hyperledger.fabric.shim.ext.sbe.impl.StateBasedEndorsementFactory;
import org.hyperledger.fabric.shim.ledger.CompositeKey;
import org.hyperledger.fabric.shim.ledger.KeyModification;
import org.hyperledger.fabric.shim.ledger.KeyValue;
import org.hyperledger.fabric.shim.ledger.QueryResultsIterator;
import org.hyperledger.fabric.shim.ledger.QueryResultsIteratorWithMetadata;
import org.hyperledger.fabric.traces.Traces;

public final class Main extends ChaincodeBase {
  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "" : new String(bytes, StandardCharsets.UTF_8);
  }

  private static String hex(byte[] bytes) {
    StringBuilder out = new StringBuilder();
    for (byte b : bytes) out.append(String.format("%02x", b));
    return out.toString();
  }

  private static byte[] orgPolicy(List<String> orgs) {
    StateBasedEndorsement policy = StateBasedEndorsementFactory.getInstance().newStateBasedEndorsement(new byte[0]);
    policy.addOrgs(StateBasedEndorsement.RoleType.RoleTypePeer, orgs.toArray(new String[0]));
    return policy.policy();
  }

  private static String rows(Iterable<KeyValue> rows) throws Exception {
    List<String> out = new ArrayList<>();
    try (AutoCloseable closed = (AutoCloseable) rows) {
      for (KeyValue row : rows) out.add(row.getKey().replace('\u0000', '/') + "=" + text(row.getValue()));
    }
    return String.join(",", out);
  }

  @Override
  public Response init(ChaincodeStub stub) {
    stub.putState("init", bytes("done"));
    return ResponseUtils.newSuccessResponse(bytes("initialised"));
  }

  @Override
  public Response invoke(ChaincodeStub stub) {
    List<String> a = stub.getParameters();
    try {
      if (stub.getFunction().equals("status"))
        return new Response(Integer.parseInt(a.get(0)), "as asked", bytes("payload"));
      String answer = call(stub, stub.getFunction(), a);
      return answer == null
          ? ResponseUtils.newErrorResponse("no function " + stub.getFunction())
          : ResponseUtils.newSuccessResponse(bytes(answer));
    } catch (Exception error) {
      return ResponseUtils.newErrorResponse(String.valueOf(error.getMessage()));
    }
  }

  private static String call(ChaincodeStub s, String function, List<String> a) throws Exception {
    switch (function) {
      case "put": s.putState(a.get(0), bytes(a.get(1))); return "";
      case "get": return text(s.getState(a.get(0)));
      case "del": s.delState(a.get(0)); return "";
      case "putmany":
        for (int i = 0; i < Integer.parseInt(a.get(1)); i++) s.putState(String.format("%s%04d", a.get(0), i), bytes("v" + i));
        return "";
      case "range": return rows(s.getStateByRange(a.get(0), a.get(1)));
      case "count": return String.valueOf(rows(s.getStateByRange(a.get(0), a.get(1))).split("=", -1).length - 1);
      case "page": {
        QueryResultsIteratorWithMetadata<KeyValue> page =
            s.getStateByRangeWithPagination(a.get(0), a.get(1), Integer.parseInt(a.get(2)), a.get(3));
        String found = rows(page);
        return found + "|" + page.getMetadata().getFetchedRecordsCount() + "|" + page.getMetadata().getBookmark();
      }
      case "putcomposite":
        s.putState(new CompositeKey(a.get(0), a.subList(1, a.size())).toString(), bytes("c"));
        return "";
      case "composite":
        return rows(s.getStateByPartialCompositeKey(a.get(0), a.subList(1, a.size()).toArray(new String[0])));
      case "history": {
        List<String> out = new ArrayList<>();
        try (QueryResultsIterator<KeyModification> changes = s.getHistoryForKey(a.get(0))) {
          for (KeyModification change : changes) out.add(text(change.getValue()) + ":" + change.isDeleted());
        }
        return String.join(",", out);
      }
      case "putprivate": s.putPrivateData(a.get(0), a.get(1), s.getTransient().get("value")); return "";
      case "getprivate": return text(s.getPrivateData(a.get(0), a.get(1)));
      case "hashprivate": return hex(s.getPrivateDataHash(a.get(0), a.get(1)));
      case "delprivate": s.delPrivateData(a.get(0), a.get(1)); return "";
      case "purgeprivate": s.purgePrivateData(a.get(0), a.get(1)); return "";
      case "setpolicy": s.setStateValidationParameter(a.get(0), bytes(a.get(1))); return "";
      case "setorgs": s.setStateValidationParameter(a.get(0), orgPolicy(a.subList(1, a.size()))); return "";
      case "orgpolicy": return hex(orgPolicy(a));
      case "getpolicy": return text(s.getStateValidationParameter(a.get(0)));
      case "event": s.setEvent(a.get(0), bytes(a.get(1))); return "";
      case "call": {
        List<byte[]> args = a.subList(2, a.size()).stream().map(Main::bytes).collect(Collectors.toList());
        Chaincode.Response r = s.invokeChaincode(a.get(0), args, a.get(1));
        return r.getStatusCode() + ":" + text(r.getPayload()) + ":" + (r.getMessage() == null ? "" : r.getMessage());
      }
      case "creator": {
        String creator = text(s.getCreator());
        return String.valueOf(creator.contains("Org1MSP") && creator.contains("BEGIN CERTIFICATE"));
      }
      case "query": return rows(s.getQueryResult(a.get(0)));
      case "exit": Runtime.getRuntime().halt(3); return null;
      default: return null;
    }
  }

  public static void main(String[] args) throws Exception {
    String address = System.getenv("CHAINCODE_SERVER_ADDRESS");
    if (address == null || address.isEmpty()) {
      new Main().start(args);
      return;
    }
    int colon = address.lastIndexOf(':');
    ChaincodeServerProperties properties = new ChaincodeServerProperties();
    properties.setServerAddress(new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))));
    properties.setTlsEnabled(true);
    properties.setKeyFile(System.getenv("CHAINCODE_TLS_KEY"));
    properties.setKeyCertChainFile(System.getenv("CHAINCODE_TLS_CERT"));
    properties.setTrustCertCollectionFile(System.getenv("CHAINCODE_CLIENT_CA_CERT"));
    Main chaincode = new Main();
    chaincode.processEnvironmentOptions();
    chaincode.initializeLogging();
    Properties config = chaincode.getChaincodeConfig();
    Metrics.initialize(config);
    Traces.initialize(config);
    new NettyChaincodeServer(chaincode, properties).start();
  }
}
