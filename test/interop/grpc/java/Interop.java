// grpc-java over mutual TLS: "client <directory> <port>" against our server, "server <directory>" for our client.
// Bytes instead of generated messages.
import io.grpc.*;
import io.grpc.netty.shaded.io.grpc.netty.*;
import io.grpc.netty.shaded.io.netty.handler.ssl.*;
import io.grpc.stub.*;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Interop {
  static final String SERVICE = "grpc.testing.TestService/";

  static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
    public InputStream stream(byte[] value) { return new ByteArrayInputStream(value); }
    public byte[] parse(InputStream stream) {
      try { return stream.readAllBytes(); } catch (IOException e) { throw new UncheckedIOException(e); }
    }
  };

  static MethodDescriptor<byte[], byte[]> method(MethodDescriptor.MethodType type, String name) {
    return MethodDescriptor.<byte[], byte[]>newBuilder(BYTES, BYTES).setType(type).setFullMethodName(name).build();
  }
  static final MethodDescriptor<byte[], byte[]> EMPTY = method(MethodDescriptor.MethodType.UNARY, SERVICE + "EmptyCall");
  static final MethodDescriptor<byte[], byte[]> UNARY = method(MethodDescriptor.MethodType.UNARY, SERVICE + "UnaryCall");
  static final MethodDescriptor<byte[], byte[]> INPUT = method(MethodDescriptor.MethodType.CLIENT_STREAMING, SERVICE + "StreamingInputCall");
  static final MethodDescriptor<byte[], byte[]> OUTPUT = method(MethodDescriptor.MethodType.SERVER_STREAMING, SERVICE + "StreamingOutputCall");
  static final MethodDescriptor<byte[], byte[]> DUPLEX = method(MethodDescriptor.MethodType.BIDI_STREAMING, SERVICE + "FullDuplexCall");
  static final Metadata.Key<String> INITIAL = Metadata.Key.of("x-grpc-test-echo-initial", Metadata.ASCII_STRING_MARSHALLER);
  static final Metadata.Key<byte[]> TRAILING = Metadata.Key.of("x-grpc-test-echo-trailing-bin", Metadata.BINARY_BYTE_MARSHALLER);

  // --- protobuf by hand
  static void varint(ByteArrayOutputStream out, long n) {
    for (; n > 127; n >>>= 7) out.write((int) (n & 127 | 128));
    out.write((int) n);
  }
  static byte[] field(int number, byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    varint(out, number << 3 | 2);
    varint(out, data.length);
    out.writeBytes(data);
    return out.toByteArray();
  }
  static byte[] number(int number, long value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    varint(out, number << 3);
    varint(out, value);
    return out.toByteArray();
  }
  static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) out.writeBytes(part);
    return out.toByteArray();
  }
  static byte[] output(int size, int microseconds) { return field(2, join(number(1, size), number(2, microseconds))); }

  // Fields of a message: numbers as Long, the rest as byte[].
  static List<Map.Entry<Integer, Object>> fields(byte[] data) {
    List<Map.Entry<Integer, Object>> found = new ArrayList<>();
    int[] at = {0};
    while (at[0] < data.length) {
      long tag = varint(data, at);
      long value = varint(data, at);
      if ((tag & 7) == 0) {
        found.add(Map.entry((int) (tag >> 3), value));
      } else {
        found.add(Map.entry((int) (tag >> 3), Arrays.copyOfRange(data, at[0], at[0] + (int) value)));
        at[0] += (int) value;
      }
    }
    return found;
  }
  static long varint(byte[] data, int[] at) {
    long value = 0;
    for (int shift = 0;; shift += 7) {
      byte b = data[at[0]++];
      value |= (long) (b & 127) << shift;
      if (b >= 0) return value;
    }
  }
  static long number(byte[] data, int wanted) {
    for (var field : fields(data)) if (field.getKey() == wanted) return (Long) field.getValue();
    return 0;
  }
  static byte[] bytes(byte[] data, int wanted) {
    for (var field : fields(data)) if (field.getKey() == wanted) return (byte[]) field.getValue();
    return null;
  }

  // --- client
  static void expect(boolean fine, String what) {
    if (!fine) throw new AssertionError(what);
  }
  static void done(String name) { System.out.println("ok   " + name); }

  static ManagedChannel dial(String directory, int port, boolean certificate) throws Exception {
    SslContextBuilder tls = GrpcSslContexts.forClient().trustManager(new File(directory, "ca.pem"));
    if (certificate) tls.keyManager(new File(directory, "client.pem"), new File(directory, "client.key"));
    return NettyChannelBuilder.forAddress("localhost", port).sslContext(tls.build()).maxInboundMessageSize(64 << 20).build();
  }

  static Status failure(Runnable call) {
    try { call.run(); } catch (StatusRuntimeException e) { return e.getStatus(); }
    throw new AssertionError("no error");
  }

  static void client(String directory, int port) throws Exception {
    ManagedChannel channel = dial(directory, port, true);
    CallOptions plain = CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS);
    for (CallOptions options : List.of(plain, plain.withCompression("gzip"))) {
      String how = options.getCompressor() == null ? "" : ", gzip";
      expect(ClientCalls.blockingUnaryCall(channel, EMPTY, options, new byte[0]).length == 0, "empty");
      done("empty unary" + how);
      byte[] large = join(number(2, 314159), field(3, field(2, new byte[271828])));
      expect(ClientCalls.blockingUnaryCall(channel, UNARY, options, large).length > 314159, "large");
      done("large unary" + how);

      Metadata sent = new Metadata();
      sent.put(INITIAL, "hello");
      sent.put(TRAILING, new byte[] {(byte) 0xab, 0, (byte) 0xff});
      AtomicReference<Metadata> headers = new AtomicReference<>(), trailers = new AtomicReference<>();
      Channel carrying = ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(sent),
          MetadataUtils.newCaptureMetadataInterceptor(headers, trailers));
      ClientCalls.blockingUnaryCall(carrying, UNARY, options, number(2, 1));
      expect("hello".equals(headers.get().get(INITIAL)), "header");
      expect(Arrays.equals(trailers.get().get(TRAILING), new byte[] {(byte) 0xab, 0, (byte) 0xff}), "trailer");
      String encoding = headers.get().get(Metadata.Key.of("grpc-encoding", Metadata.ASCII_STRING_MARSHALLER));
      expect(how.isEmpty() ? encoding == null : "gzip".equals(encoding), "encoding " + encoding);
      done("metadata" + how);

      Status status = failure(() -> ClientCalls.blockingUnaryCall(channel, UNARY, options,
          field(7, join(number(1, 2), field(2, "100% \u00e4\n".getBytes(StandardCharsets.UTF_8))))));
      expect(status.getCode() == Status.Code.UNKNOWN && "100% \u00e4\n".equals(status.getDescription()), status.toString());
      done("status" + how);

      Iterator<byte[]> outputs = ClientCalls.blockingServerStreamingCall(channel, OUTPUT, options,
          join(output(31415, 0), output(9, 0), output(2653, 0), output(58979, 0)));
      int count = 0;
      for (; outputs.hasNext(); outputs.next()) ++count;
      expect(count == 4, "server streaming: " + count);
      done("server streaming" + how);

      CompletableFuture<byte[]> sum = new CompletableFuture<>();
      StreamObserver<byte[]> input = ClientCalls.asyncClientStreamingCall(channel.newCall(INPUT, options), into(sum, null));
      for (int size : new int[] {27182, 8, 1828, 45904}) input.onNext(field(1, field(2, new byte[size])));
      input.onCompleted();
      expect(number(sum.get(30, TimeUnit.SECONDS), 1) == 74922, "client streaming");
      done("client streaming" + how);

      AtomicInteger answers = new AtomicInteger();
      CompletableFuture<byte[]> last = new CompletableFuture<>();
      AtomicReference<StreamObserver<byte[]>> requests = new AtomicReference<>();
      requests.set(ClientCalls.asyncBidiStreamingCall(channel.newCall(DUPLEX, options), into(last, () -> {
        if (answers.incrementAndGet() == 200) requests.get().onCompleted();
        else requests.get().onNext(output(answers.get(), 0));
      })));
      requests.get().onNext(output(1, 0));
      last.get(30, TimeUnit.SECONDS);
      expect(answers.get() == 200, "ping pong: " + answers);
      done("ping pong" + how);
    }

    Status status = failure(() -> ClientCalls.blockingUnaryCall(channel,
        method(MethodDescriptor.MethodType.UNARY, "grpc.testing.UnimplementedService/UnimplementedCall"), plain, new byte[0]));
    expect(status.getCode() == Status.Code.UNIMPLEMENTED, status.toString());
    done("unimplemented");

    status = failure(() -> {
      Iterator<byte[]> slow = ClientCalls.blockingServerStreamingCall(channel, OUTPUT,
          CallOptions.DEFAULT.withDeadlineAfter(50, TimeUnit.MILLISECONDS), output(1, 1000000));
      while (slow.hasNext()) slow.next();
    });
    expect(status.getCode() == Status.Code.DEADLINE_EXCEEDED, status.toString());
    done("deadline");

    ExecutorService pool = Executors.newFixedThreadPool(16);
    List<Future<byte[]>> many = new ArrayList<>();
    for (int i = 0; i < 500; ++i) many.add(pool.submit(() -> ClientCalls.blockingUnaryCall(channel, UNARY, plain, number(2, 1000))));
    for (Future<byte[]> one : many) expect(one.get().length > 1000, "size");
    pool.shutdown();
    done("500 calls from 16 threads");

    expect(ClientCalls.blockingUnaryCall(channel, UNARY, plain, number(2, 20 << 20)).length > 20 << 20, "20 MiB");
    done("20 MiB");

    ManagedChannel bare = dial(directory, port, false);
    status = failure(() -> ClientCalls.blockingUnaryCall(bare, EMPTY, plain, new byte[0]));
    expect(status.getCode() == Status.Code.UNAVAILABLE, status.toString());
    done("a client without a certificate is refused: " + status.getCode());
    bare.shutdownNow();
    channel.shutdownNow();
  }

  static StreamObserver<byte[]> into(CompletableFuture<byte[]> result, Runnable each) {
    return new StreamObserver<>() {
      byte[] last;
      public void onNext(byte[] value) { last = value; if (each != null) each.run(); }
      public void onError(Throwable error) { result.completeExceptionally(error); }
      public void onCompleted() { result.complete(last); }
    };
  }

  // --- server
  static Status asked(byte[] request) {
    byte[] status = bytes(request, 7);
    if (status == null) return Status.OK;
    byte[] text = bytes(status, 2);
    return Status.fromCodeValue((int) number(status, 1)).withDescription(text == null ? "" : new String(text, StandardCharsets.UTF_8));
  }
  static byte[] payload(int size) { return field(1, field(2, new byte[size])); }

  static void answer(byte[] request, StreamObserver<byte[]> out) {
    for (var field : fields(request)) {
      if (field.getKey() != 2) continue;
      byte[] wanted = (byte[]) field.getValue();
      try { TimeUnit.MICROSECONDS.sleep(number(wanted, 2)); } catch (InterruptedException e) { return; }
      out.onNext(payload((int) number(wanted, 1)));
    }
  }

  static void server(String directory) throws Exception {
    ServerServiceDefinition service = ServerServiceDefinition.builder("grpc.testing.TestService")
        .addMethod(EMPTY, ServerCalls.asyncUnaryCall((request, out) -> { out.onNext(new byte[0]); out.onCompleted(); }))
        .addMethod(UNARY, ServerCalls.asyncUnaryCall((request, out) -> {
          if (!asked(request).isOk()) { out.onError(asked(request).asRuntimeException()); return; }
          out.onNext(payload((int) number(request, 2)));
          out.onCompleted();
        }))
        .addMethod(OUTPUT, ServerCalls.asyncServerStreamingCall((request, out) -> { answer(request, out); out.onCompleted(); }))
        .addMethod(INPUT, ServerCalls.asyncClientStreamingCall(out -> new StreamObserver<byte[]>() {
          int total;
          public void onNext(byte[] request) { byte[] body = bytes(bytes(request, 1), 2); total += body == null ? 0 : body.length; }
          public void onError(Throwable error) {}
          public void onCompleted() { out.onNext(number(1, total)); out.onCompleted(); }
        }))
        .addMethod(DUPLEX, ServerCalls.asyncBidiStreamingCall(out -> new StreamObserver<byte[]>() {
          boolean over;
          public void onNext(byte[] request) {
            if (over) return;
            over = !asked(request).isOk();
            if (over) out.onError(asked(request).asRuntimeException()); else answer(request, out);
          }
          public void onError(Throwable error) {}
          public void onCompleted() { if (!over) out.onCompleted(); }
        }))
        .build();
    // What a call carries in comes back; an answer is compressed for whom asks in gzip.
    ServerInterceptor echo = new ServerInterceptor() {
      public <Q, R> ServerCall.Listener<Q> interceptCall(ServerCall<Q, R> call, Metadata in, ServerCallHandler<Q, R> next) {
        if ("gzip".equals(in.get(Metadata.Key.of("grpc-encoding", Metadata.ASCII_STRING_MARSHALLER)))) call.setCompression("gzip");
        return next.startCall(new ForwardingServerCall.SimpleForwardingServerCall<Q, R>(call) {
          public void sendHeaders(Metadata headers) {
            if (in.containsKey(INITIAL)) headers.put(INITIAL, in.get(INITIAL));
            super.sendHeaders(headers);
          }
          public void close(Status status, Metadata trailers) {
            if (in.containsKey(TRAILING)) trailers.put(TRAILING, in.get(TRAILING));
            super.close(status, trailers);
          }
        }, in);
      }
    };
    SslContextBuilder tls = GrpcSslContexts.forServer(new File(directory, "server.pem"), new File(directory, "server.key"))
        .trustManager(new File(directory, "ca.pem")).clientAuth(ClientAuth.REQUIRE);
    Server server = NettyServerBuilder.forAddress(new java.net.InetSocketAddress("127.0.0.1", 0)).sslContext(tls.build())
        .addService(ServerInterceptors.intercept(service, echo)).build().start();
    System.out.println("listening " + server.getPort());
    while (System.in.read() >= 0) {}
    server.shutdownNow();
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("client")) client(arguments[1], Integer.parseInt(arguments[2]));
    else server(arguments[1]);
    System.exit(0);
  }
}
