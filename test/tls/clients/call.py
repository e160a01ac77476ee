"""grpcio (C core): one call, and how it ended. call.py <address> <CA file> <certificate> <key>"""
import sys

import grpc

address, ca, certificate, key = sys.argv[1:]
read = lambda name: open(name, "rb").read()
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca), read(key), read(certificate)))
try:
    channel.unary_unary("/orderer.AtomicBroadcast/Nothing")(b"", timeout=20)
except grpc.RpcError as error:
    print(error.code().name, error.details())
