// grpc-java: one call, and how it ended. Call <host> <port> <CA file> <certificate> <key>
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
    ChannelCredentials credentials =
        TlsChannelCredentials.newBuilder().trustManager(new File(a[2])).keyManager(new File(a[3]), new File(a[4])).build();
    ManagedChannel channel = Grpc.newChannelBuilderForAddress(a[0], Integer.parseInt(a[1]), credentials).build();
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
