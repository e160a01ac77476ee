#!/usr/bin/env python3
"""What a running orderer tells machines and operators' alarms: the fields of a refusal in JSON logging, the counter
tls_handshake_failures_total{code,side,listener}, the ends of all certificates as gauges, and warnings at 30, 7 and 1 day."""
import contextlib
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.request

from strangers import BIN, PORTS, check, network, refusals, run


@contextlib.contextmanager
def orderer(bench, name, **more):
    folder = bench.folder / name
    folder.mkdir()
    ports = dict(zip(("main", "admin", "operations"), PORTS.take(3)))
    case = refusals.Case(name, name, settings={"ORDERER_METRICS_PROVIDER": "prometheus", **more})
    process = network.Process("orderer", [str(BIN / "orderer")], bench.environment(case, folder, ports), folder)
    process.ports = ports
    try:
        process.wait_for("Beginning to serve requests", 60)
        yield process
    finally:
        process.stop()


def connect(bench, port, certificate=None):
    context = ssl.create_default_context(cafile=bench.file("ca.crt"))
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(bench.file(certificate + ".crt"), bench.file(certificate + ".key"))
    raw = socket.create_connection(("127.0.0.1", port), timeout=60)
    tls = context.wrap_socket(raw, server_hostname="localhost")
    tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    return tls


def refused(bench, port, certificate):
    try:
        with connect(bench, port, certificate) as tls:
            tls.recv(1)
    except ssl.SSLError as error:
        return str(error)
    return "not refused"


def metrics(process, name):
    """{labels as a sorted text: value}"""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.ports['operations']}/metrics", timeout=60) as answer:
        lines = re.findall(rf"^{name}{{(.*)}} (\S+)$", answer.read().decode(), re.M)
    return {",".join(sorted(re.findall(r'\w+="(?:[^"\\]|\\.)*"', labels))): float(value) for labels, value in lines}


def eventually(look, timeout=60):
    deadline = time.monotonic() + timeout
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)  # between two looks; what counts is the deadline
    return found


def machines(bench):
    with orderer(bench, "machines", FABRIC_LOGGING_FORMAT="json", FABRIC_LOGGING_SPEC="info") as process:
        port = process.ports["main"]
        for certificate, alert in (("expired", "EXPIRED"), ("other_client", "UNKNOWN_CA"), (None, "CERTIFICATE_REQUIRED")):
            said = refused(bench, port, certificate)
            check(f"refused: {certificate or 'no certificate'}", alert in said.upper().replace(" ", "_"), said)

        def records():
            found = {}
            for line in process.text().splitlines():
                record = json.loads(line)  # each line is JSON, whatever it says
                if "tls.code" in record:
                    found[record["tls.code"]] = record
            return found if len(found) == 3 else None
        found = eventually(records) or {}
        check("three records, by code", sorted(found) == ["TLS-01", "TLS-02", "TLS-07"], process.text()[-3000:])
        serial = subprocess.run(["openssl", "x509", "-in", bench.file("expired.crt"), "-noout", "-serial"], check=True, capture_output=True,
                                text=True).stdout.strip().split("=")[1].lower().lstrip("0")
        one = found.get("TLS-07", {})
        wanted = {"level": "warn", "name": "core.comm", "server": "Orderer", "tls.side": "client", "tls.verdict_by": "us",
                  "tls.alert_sent": "45", "tls.peer_cert.subject": "CN=app1", "tls.peer_cert.issuer": "CN=tlsca.org1",
                  "tls.peer_cert.not_after": "2025-01-01T00:00:00Z", "tls.peer_cert.eku": "serverAuth,clientAuth",
                  "tls.setting": "ORDERER_GENERAL_TLS_CLIENTROOTCAS"}
        check("and its fields", {key: one.get(key) for key in wanted} == wanted, json.dumps(one, indent=1))
        check("serial, hash, roots, reason and remedy", one.get("tls.peer_cert.serial", "").lstrip("0") == serial and
              re.fullmatch("[0-9a-f]{64}", one.get("tls.peer_cert.sha256", "")) and "CN=tlsca.org1" in one.get("tls.roots", "") and
              one.get("tls.why") and one.get("tls.fix") and one.get("remoteaddress", "").startswith("127.0.0.1:"), json.dumps(one, indent=1))

        counted = {f'code="{code}",listener="Orderer",side="client"': 1.0 for code in ("TLS-01", "TLS-02", "TLS-07")}
        seen = metrics(process, "tls_handshake_failures_total")
        check("tls_handshake_failures_total{code,side,listener}", {key: seen.get(key) for key in counted} == counted, seen)

        with connect(bench, port, "client") as tls:
            tls.recv(9)
            want = {"server TLS": bench.file("server.crt"), "admin TLS": bench.file("server.crt"), "root": bench.file("ca.crt"),
                    "enrollment": "msp/signcerts", "peer": "Orderer"}

            def gauges():
                seen = metrics(process, "tls_certificate_not_after_seconds")
                return seen if all(any(f'role="{role}"' in labels and source in labels for labels in seen)
                                   for role, source in want.items()) else None
            check("tls_certificate_not_after_seconds of own pairs, roots, enrolment and who is connected", eventually(gauges),
                  metrics(process, "tls_certificate_not_after_seconds"))
        end = subprocess.run(["openssl", "x509", "-in", bench.file("server.crt"), "-noout", "-enddate"], check=True, capture_output=True,
                             text=True).stdout.strip().removeprefix("notAfter=")
        ends = [value for labels, value in metrics(process, "tls_certificate_not_after_seconds").items() if 'role="server TLS"' in labels]
        check("and the gauge is the end", ends == [ssl.cert_time_to_seconds(end)], f"{ends}, {end}")


def alarms(bench):
    openssl = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=bench.tls)
    for days, threshold in ((29, 30), (6, 7), (1, 1)):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "soon.key", "-out", "soon.crt",
                "-subj", f"/CN=orderer{days}", "-days", days, "-addext", "subjectAltName=DNS:localhost", "-addext",
                "extendedKeyUsage=serverAuth,clientAuth")
        (bench.tls / "soon.key").chmod(0o600)
        with orderer(bench, f"alarm{days}", ORDERER_GENERAL_TLS_CERTIFICATE="{}/soon.crt", ORDERER_GENERAL_TLS_PRIVATEKEY="{}/soon.key") as process:
            line = (f"The server TLS certificate CN=orderer{days} .*{re.escape(bench.file('soon.crt'))}.* expires on .*, in ({days}|{days - 1}) "
                    "days and .* hours; renew it with the same key; with Fabric CA: fabric-ca-client reenroll")
            process.wait_for(line, 60)
            check(f"a warning {threshold} day{'s' * (threshold > 1)} before the end names file and command", len(re.findall(line, process.text())) == 1)


if __name__ == "__main__":
    run(machines, alarms)
