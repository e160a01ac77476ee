"""grpcio (C core): one call with each certificate, and how it ended, a line each. call.py <address> <CA file> {<certificate> <key>}"""
import sys

import grpc

address, ca, *pairs = sys.argv[1:]
read = lambda name: open(name, "rb").read()
for certificate, key in zip(pairs[::2], pairs[1::2]):
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca), read(key), read(certificate))) as channel:
        try:
            channel.unary_unary("/orderer.AtomicBroadcast/Nothing")(b"", timeout=20)
        except grpc.RpcError as error:
            print(error.code().name, error.details(), flush=True)
