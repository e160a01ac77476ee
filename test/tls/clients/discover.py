"""grpcio (C core) asks a peer for a channel's configuration, once for each kind of TLS certificate hash in the request's
AuthInfo: none, wrong, der, pem. One line a kind: "<kind> ok" or "<kind> <status> <details>".

discover.py <address> <channel> <TLS CA> <TLS certificate> <TLS key> <MSP id> <enrolment certificate> <enrolment key>

Messages are written by hand (discovery/protocol.proto): this needs no generated code.
"""
import base64
import hashlib
import subprocess
import sys

import grpc

HALF_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551 // 2
ORDER = 2 * HALF_ORDER + 1


def read(name):
    with open(name, "rb") as file:
        return file.read()


def field(number, content):
    """A length-delimited field of a protobuf message."""
    size, varint = len(content), b""
    while size > 0x7f:
        varint += bytes([size & 0x7f | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([size]) + content


def fields(message):
    """[(number, content)] of a message that has length-delimited fields only."""
    found, at = [], 0
    while at < len(message):
        number, at, size, shift = message[at] >> 3, at + 1, 0, 0
        while True:
            size |= (message[at] & 0x7f) << shift
            shift, at = shift + 7, at + 1
            if not message[at - 1] & 0x80:
                break
        found.append((number, message[at:at + size]))
        at += size
    return found


def sign(key, message):
    """ECDSA over SHA-256 with a low S, which is what Fabric takes."""
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=message, check=True, capture_output=True).stdout
    r_end = 4 + der[3]
    r, s = der[4:r_end], int.from_bytes(der[r_end + 2:], "big")
    s = min(s, ORDER - s).to_bytes(33, "big").lstrip(b"\0")
    s = b"\0" + s if s[0] & 0x80 else s
    return bytes([0x30, len(r) + len(s) + 4, 2, len(r)]) + r + bytes([2, len(s)]) + s


def main():
    address, channel_id, ca, certificate, key, mspid, enrolment, enrolment_key = sys.argv[1:]
    pem = read(certificate)
    der = base64.b64decode(b"".join(line for line in pem.splitlines() if b"-" not in line))
    hashes = {"none": b"", "wrong": hashlib.sha256(b"another").digest(), "der": hashlib.sha256(der).digest(),
              "pem": hashlib.sha256(pem).digest()}
    identity = field(1, mspid.encode()) + field(2, read(enrolment))
    credentials = grpc.ssl_channel_credentials(read(ca), read(key), pem)
    with grpc.secure_channel(address, credentials) as channel:
        discover = channel.unary_unary("/discovery.Discovery/Discover")
        for kind, hashed in hashes.items():
            query = field(1, channel_id.encode()) + field(2, b"")
            request = field(1, field(1, identity) + (field(2, hashed) if hashed else b"")) + field(2, query)
            try:
                answer = discover(field(1, request) + field(2, sign(enrolment_key, request)), timeout=30)
                (_, result), = fields(answer)
                (number, content), = fields(result)
                print(kind, "ok" if number == 2 else f"refused: {content}", flush=True)
            except grpc.RpcError as error:
                print(kind, error.code().name, error.details(), flush=True)


main()
