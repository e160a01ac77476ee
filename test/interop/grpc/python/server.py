"""gRPC's interop service on grpcio over mutual TLS, for our client; bytes instead of generated messages."""
import concurrent.futures
import pathlib
import sys
import time

import grpc

directory = pathlib.Path(sys.argv[1])


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found = []
    while at < len(data):
        tag, value = take(), take()
        if tag & 7:
            found.append((tag >> 3, data[at:at + value]))
            at += value
        else:
            found.append((tag >> 3, value))
    return found


def check_status(request, context):
    for number, value in fields(request):
        if number == 7:
            status = dict(fields(value))
            code = next(c for c in grpc.StatusCode if c.value[0] == status.get(1, 0))
            context.abort(code, status.get(2, b"").decode())


def echo(context):
    sent = dict(context.invocation_metadata())
    if "x-grpc-test-echo-initial" in sent:
        context.send_initial_metadata([("x-grpc-test-echo-initial", sent["x-grpc-test-echo-initial"])])
    if "x-grpc-test-echo-trailing-bin" in sent:
        context.set_trailing_metadata([("x-grpc-test-echo-trailing-bin", sent["x-grpc-test-echo-trailing-bin"])])


def unary(request, context):
    echo(context)
    check_status(request, context)
    return field(1, field(2, bytes(dict(fields(request)).get(2, 0))))


def outputs(request):
    for number, value in fields(request):
        if number == 2:
            wanted = dict(fields(value))
            time.sleep(wanted.get(2, 0) / 1e6)
            yield field(1, field(2, bytes(wanted.get(1, 0))))


def duplex(requests, context):
    echo(context)
    for request in requests:
        check_status(request, context)
        yield from outputs(request)


def total(requests, _):
    count = sum(len(dict(fields(dict(fields(request)).get(1, b""))).get(2, b"")) for request in requests)
    return varint(1 << 3) + varint(count)


read = lambda name: (directory / name).read_bytes()
credentials = grpc.ssl_server_credentials([(read("server.key"), read("server.pem"))], read("ca.pem"), require_client_auth=True)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), compression=grpc.Compression.Gzip)
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.testing.TestService", {
    "EmptyCall": grpc.unary_unary_rpc_method_handler(lambda request, context: b""),
    "UnaryCall": grpc.unary_unary_rpc_method_handler(unary),
    "StreamingInputCall": grpc.stream_unary_rpc_method_handler(total),
    "StreamingOutputCall": grpc.unary_stream_rpc_method_handler(lambda request, context: outputs(request)),
    "FullDuplexCall": grpc.stream_stream_rpc_method_handler(duplex),
})])
port = server.add_secure_port("127.0.0.1:0", credentials)
server.start()
print("listening", port, flush=True)
sys.stdin.read()
server.stop(0)
