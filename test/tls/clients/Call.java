// grpc-java: one call with each certificate, and how it ended, a line each. Call <address> <CA file> {<certificate> <key>}
// With SELVAGE_TEST_TLS12 set it offers TLS 1.2 at most.
import io.grpc.*;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
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

  static ManagedChannel channel(String address, File ca, File certificate, File key) throws IOException {
    if (System.getenv("SELVAGE_TEST_TLS12") == null) {
      return Grpc.newChannelBuilder(address, TlsChannelCredentials.newBuilder().trustManager(ca).keyManager(certificate, key).build()).build();
    }
    return NettyChannelBuilder.forTarget(address).sslContext(
        GrpcSslContexts.forClient().trustManager(ca).keyManager(certificate, key).protocols("TLSv1.2").build()).build();
  }

  static void call(String address, File ca, File certificate, File key) throws IOException {
    ManagedChannel channel = channel(address, ca, certificate, key);
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
