"""Python's ssl with TLS 1.2 at most: one connection with each certificate, and whether the server's first frame came, a line each.
handshake.py <address> <CA file> {<certificate> <key>}"""
import socket
import ssl
import sys

address, ca, *pairs = sys.argv[1:]
host, port = address.rsplit(":", 1)
for certificate, key in zip(pairs[::2], pairs[1::2]):
    context = ssl.create_default_context(cafile=ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((host, int(port)), timeout=60) as raw, context.wrap_socket(raw, server_hostname=host) as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            print("served over", tls.version() if tls.recv(9)[3:4] == b"\4" else "nothing", flush=True)
    except OSError as error:
        print(error, flush=True)
