"""grpcio (gRPC C-core) against our server over mutual TLS; bytes instead of generated messages."""
import concurrent.futures
import pathlib
import sys

import grpc

directory, port = pathlib.Path(sys.argv[1]), sys.argv[2]
SERVICE = "/grpc.testing.TestService/"


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(n, value):
    return varint(n << 3) + varint(value)


def output(size, interval_us=0):
    return field(2, number(1, size) + number(2, interval_us))


def channel(client=True, **options):
    read = lambda name: (directory / name).read_bytes()
    credentials = grpc.ssl_channel_credentials(read("ca.pem"), *((read("client.key"), read("client.pem")) if client else ()))
    return grpc.secure_channel(f"localhost:{port}", credentials, options=list(options.items()))


def done(name):
    print("ok  ", name)


ours = channel(**{"grpc.max_receive_message_length": -1})
empty = ours.unary_unary(SERVICE + "EmptyCall")
unary = ours.unary_unary(SERVICE + "UnaryCall")
duplex = ours.stream_stream(SERVICE + "FullDuplexCall")

assert empty(b"", timeout=20) == b""
done("empty unary")
for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
    assert len(unary(number(2, 314159) + field(3, field(2, bytes(271828))), timeout=20, compression=compression)) > 314159
    done(f"large unary, {compression.name}")

answer, call = unary.with_call(number(2, 1), timeout=20, metadata=[("x-grpc-test-echo-initial", "hello"),
                                                                   ("x-grpc-test-echo-trailing-bin", b"\xab\0\xff")])
assert ("x-grpc-test-echo-initial", "hello") in call.initial_metadata()
assert ("x-grpc-test-echo-trailing-bin", b"\xab\0\xff") in call.trailing_metadata()
done("metadata")

try:
    unary(field(7, number(1, 2) + field(2, "100% \u00e4\n".encode())), timeout=20)
    raise AssertionError("no error")
except grpc.RpcError as error:
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, "100% \u00e4\n"), error
done("status")

try:
    ours.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")(b"", timeout=20)
    raise AssertionError("no error")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
done("unimplemented")

assert len(list(duplex((output(i) for i in range(200)), timeout=20))) == 200
done("200 messages both ways")

try:
    list(duplex(iter([output(1, 1000000)]), timeout=0.05))
    raise AssertionError("no error")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
done("deadline")

stream = duplex(iter([output(10)]), timeout=20)
next(stream)
stream.cancel()
done("cancel")

assert len(unary(number(2, 8 << 20), timeout=20)) > 8 << 20
done("8 MiB")

with concurrent.futures.ThreadPoolExecutor(16) as pool:
    assert all(len(one) > 1000 for one in pool.map(lambda _: unary(number(2, 1000), timeout=20), range(500)))
done("500 calls from 16 threads")

try:
    channel(client=False).unary_unary(SERVICE + "EmptyCall")(b"", timeout=20)
    raise AssertionError("a client without a certificate was served")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNAVAILABLE, error
done("a client without a certificate is refused")
