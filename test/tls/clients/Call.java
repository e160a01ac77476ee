// grpc-java: one call with each certificate, and how it ended, a line each. Call <address> <CA file> {<certificate> <key>}
import io.grpc.*;
import io.grpc.stub.ClientCalls;
import java.io.*;
import java.util.concurrent.TimeUnit;

public class Call {
  static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
    public InputStream stream(byte[] value) { return new ByteArrayInputStream(value); }
    public byte[] parse(InputStream stream) {
      try { return stream.readAllBytes(); } catch (IOException e) { throw new UncheckedIOException(e); }
    }
  };

  public static void main(String[] a) throws Exception {
    for (int i = 2; i + 1 < a.length; i += 2) call(a[0], new File(a[1]), new File(a[i]), new File(a[i + 1]));
  }

  static void call(String address, File ca, File certificate, File key) throws IOException {
    ChannelCredentials credentials = TlsChannelCredentials.newBuilder().trustManager(ca).keyManager(certificate, key).build();
    ManagedChannel channel = Grpc.newChannelBuilder(address, credentials).build();
    try {
      ClientCalls.blockingUnaryCall(channel,
          MethodDescriptor.<byte[], byte[]>newBuilder(BYTES, BYTES).setType(MethodDescriptor.MethodType.UNARY)
              .setFullMethodName("orderer.AtomicBroadcast/Nothing").build(),
          CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS), new byte[0]);
    } catch (StatusRuntimeException e) {
      System.out.println(e.getMessage());
    }
    channel.shutdownNow();
  }
}
