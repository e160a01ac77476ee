#!/usr/bin/env python3
"""configtxlator: what is decoded encodes to the same bytes; updates are those of upstream; so are errors, help and REST.

Without FABRIC_GO_BIN the answers are held against test/golden; with it each call is made with both programs.
"""
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, Process, free_ports, ours  # noqa: E402

OURS = ours() / "configtxlator"
THEIRS = pathlib.Path(os.environ["FABRIC_GO_BIN"]) / "configtxlator" if os.environ.get("FABRIC_GO_BIN") else None
GOLDEN = ROOT / "test" / "golden"


def call(program, *arguments, stdin=b""):
    done = subprocess.run([str(program), *map(str, arguments)], input=stdin, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode()


def words(text):
    """Go's protobuf puts one of two blanks after "proto:", by the build; Go's maps have no order."""
    return text.replace("\u00a0", " ")


def decode(name, content, program=OURS):
    code, out, err = call(program, "proto_decode", "--type", name, stdin=content)
    assert code == 0, err
    return out


def encode(name, content, program=OURS):
    code, out, err = call(program, "proto_encode", "--type", name, stdin=content)
    assert code == 0, err
    return out


def parts(block):
    """The messages inside a block, as (type, JSON)."""
    tree = json.loads(block)
    yield "common.Block", tree
    for envelope in tree["data"]["data"]:
        yield "common.Envelope", envelope
        yield "common.Payload", envelope["payload"]
        yield "common.Header", envelope["payload"]["header"]
        data = envelope["payload"]["data"]
        if "config" in data:
            yield "common.ConfigEnvelope", data
            yield "common.Config", data["config"]
            for org in data["config"]["channel_group"]["groups"]["Application"]["groups"].values():
                yield "msp.MSPConfig", org["values"]["MSP"]["value"]
                for policy in org["policies"].values():
                    yield "common.Policy", policy["policy"]
        else:
            yield "protos.Transaction", data
            for action in data["actions"]:
                yield "protos.TransactionAction", action
                endorsed = action["payload"]["action"]["proposal_response_payload"]
                yield "protos.ProposalResponsePayload", endorsed
                yield "rwset.TxReadWriteSet", endorsed["extension"]["results"]


def what_is_decoded_encodes_to_the_same():
    for name in ("mychannel_0", "mychannel_1"):
        block = (GOLDEN / f"{name}.block").read_bytes()
        shown = decode("common.Block", block)
        assert shown == (GOLDEN / f"{name}.json").read_bytes(), name
        assert decode("common.Block", encode("common.Block", shown)) == shown
        for kind, tree in parts(shown):
            content = encode(kind, json.dumps(tree).encode())
            back = decode(kind, content)
            assert json.loads(back) == tree, kind
            if THEIRS:
                assert decode(kind, content, THEIRS) == back, kind
                assert decode(kind, encode(kind, back, THEIRS)) == back, kind


def config():
    return next(tree for kind, tree in parts((GOLDEN / "mychannel_0.json").read_bytes()) if kind == "common.Config")


def edits():
    """(what is changed, how)"""
    def groups(c):
        return c["channel_group"]["groups"]

    def anchor(c):
        groups(c)["Application"]["groups"]["Org1"]["values"]["AnchorPeers"] = {
            "mod_policy": "Admins", "value": {"anchor_peers": [{"host": "peer0.org1.example.com", "port": 7051}]},
            "version": "0"}

    def org(c):
        groups(c)["Application"]["groups"]["Org3"] = groups(c)["Application"]["groups"]["Org1"]

    def gone(c):
        del groups(c)["Application"]["groups"]["Org2"]

    def batch(c):
        groups(c)["Orderer"]["values"]["BatchSize"]["value"]["max_message_count"] = 7

    def policy(c):
        groups(c)["Application"]["policies"]["Admins"]["policy"]["value"]["rule"] = "ALL"

    def mod_policy(c):
        groups(c)["Orderer"]["mod_policy"] = "/Channel/Orderer/Admins"

    def value_gone(c):
        del c["channel_group"]["values"]["Capabilities"]

    return [anchor, org, gone, batch, policy, mod_policy, value_gone]


def updates_are_those_of_upstream(folder):
    before = folder / "before.pb"
    before.write_bytes(encode("common.Config", json.dumps(config()).encode()))
    for edit in edits():
        changed = config()
        edit(changed)
        after = folder / "after.pb"
        after.write_bytes(encode("common.Config", json.dumps(changed).encode()))
        arguments = ["compute_update", "--original", before, "--updated", after, "--channel_id", "mychannel"]
        code, update, err = call(OURS, *arguments)
        assert code == 0, err
        shown = decode("common.ConfigUpdate", update)
        tree = json.loads(shown)
        assert tree["channel_id"] == "mychannel" and tree["write_set"] != tree["read_set"], edit.__name__
        if THEIRS:
            assert decode("common.ConfigUpdate", call(THEIRS, *arguments)[1]) == shown, edit.__name__
    code, _, err = call(OURS, "compute_update", "--original", before, "--updated", before, "--channel_id", "x")
    assert code == 1 and err == ("configtxlator: error: Error computing update: error computing config update: "
                                 "no differences detected between original and updated config\n"), err


def golden_errors():
    """(arguments, stdin, what stderr says), the words being upstream's v3.1.5."""
    decoding = "configtxlator: error: Error decoding: error decoding input: "
    group = "*commonext.Config: error in PopulateFrom for field channel_group for message *commonext.Config: *commonext.DynamicChannelGroup: "
    encode_config = ["proto_encode", "--type", "common.Config"]
    return [
        (["proto_encode"], b"", "configtxlator: error: required flag --type not provided, try --help"),
        (["proto_encode", "--type", "common.Nope"], b"{}",
         "configtxlator: error: Error decoding: error encode input: proto: not found"),
        (["proto_decode", "--type", "common.HeaderType"], b"",
         "configtxlator: error: Error decoding: error encode input: proto: found wrong type: got enum, want message"),
        (["proto_decode", "--type", "common.Config"], b"\xff",
         "configtxlator: error: Error decoding: error unmarshalling: proto: cannot parse invalid wire-format data"),
        (encode_config, b'{"x":1}', decoding + '*commonext.Config: proto: (line 1:2): unknown field "x"'),
        (encode_config, b'{"sequence":"x"}',
         decoding + '*commonext.Config: proto: (line 1:13): invalid value for uint64 field sequence: "x"'),
        (encode_config, b"{", decoding + "error unmarshaling intermediate JSON: unexpected EOF"),
        (encode_config, b"", decoding + "error unmarshaling intermediate JSON: EOF"),
        (encode_config, b"[]", decoding + "error unmarshaling intermediate JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (encode_config, b"null", decoding + "*commonext.Config: proto: syntax error (line 1:1): unexpected token null"),
        (encode_config, b'{"channel_group":3}', decoding + "*commonext.Config: expected field channel_group for message *commonext.Config to be assignable from map[string]interface {} but was not.  Is json.Number"),
        (encode_config, b'{"channel_group":{"groups":{"x":{}}}}', decoding + group + "error in PopulateFrom for map field groups with key x for message *commonext.DynamicChannelGroup: unknown channel group sub-group 'x'"),
        (["compute_update", "--channel_id", "x"], b"", "configtxlator: error: Error computing update: error reading original config: invalid argument"),
        (["proto_encode", "--type", "a", "--input", "/nope"], b"", "configtxlator: error: open /nope: no such file or directory, try --help"),
        (["proto_encode", "--type", "a", "--output", "/nope/x"], b"", "configtxlator: error: open /nope/x: no such file or directory, try --help"),
        (["start", "--port", "abc"], b"", 'configtxlator: error: strconv.ParseFloat: parsing "abc": invalid syntax, try --help'),
    ]


def more_wrong_calls():
    """JSON that upstream refuses or takes, to be compared with upstream's own answers."""
    app = '{"channel_group":{"groups":{"Application":%s}}}'
    org = app % '{"groups":{"Org1":%s}}'
    documents = {
        "common.Config": [
            '{"channel_group":null}', '{"channel_group":[]}', '{"channel_group":{"groups":[]}}', '{"channel_group":{"groups":null}}',
            '{"channel_group":{"values":{"x":{"value":{}}}}}', '{"channel_group":{"values":{"x":3}}}',
            '{"channel_group":{"values":{"Consortium":{"value":"x"}}}}',
            '{"channel_group":{"values":{"Consortium":{"value":{"name":1}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":9,"value":{}}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":1,"value":{"version":-1}}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":1,"value":{"rule":{"signed_by":0,"n_out_of":{"n":1}}}}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":1,"value":{"rule":{"n_out_of":{"n":"1","rules":[{"signed_by":"0"}]}},"identities":[{"principal":{"msp_identifier":"A","role":"PEER"}}]}}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":3,"value":{"sub_policy":"x","rule":"NONE"}}}}}}',
            '{"channel_group":{"policies":{"A":{"policy":{"type":3,"value":{"sub_policy":"x","rule":1}}}}}}',
            app % '{"values":{"x":{"value":{}}}}', app % '{"groups":3}', org % '{"groups":{"x":{}}}',
            org % '{"values":{"Nope":{"value":{}}}}', org % '{"values":{"MSP":{"value":{"type":7,"config":{}}}}}',
            org % '{"values":{"MSP":{"value":{"type":0,"config":{"name":"a","root_certs":["!!"]}}}}}',
            org % '{"values":{"MSP":{"value":{"type":0,"config":{"name":"a<>&","root_certs":["YQ","YQ==","-_8"]}}}}}',
            org % '{"values":{"AnchorPeers":{"value":{"anchor_peers":[{"host":"h","port":"x"}]}}}}',
            org % '{"values":{"AnchorPeers":{"value":{"anchor_peers":[{"host":"h","port":1e3}]}}}}',
            org % '{"values":{"AnchorPeers":{"value":{"anchorPeers":[{"host":"h","port":1.5}]}}}}',
            org % '{"values":{"AnchorPeers":{"value":{"anchor_peers":{}}}}}',
            '{"channel_group":{"groups":{"Consortiums":{"values":{"x":{"value":{}}}}}}}',
            '{"channel_group":{"groups":{"Consortiums":{"groups":{"C":{"values":{"x":{"value":{}}}}}}}}}',
            '{"channel_group":{"groups":{"Consortiums":{"groups":{"C":{"groups":{"O":{"groups":{"x":{}}}}}}}}}}',
            '{"channel_group":{"groups":{"Orderer":{"groups":{"O":{"groups":{"x":{}}}}}}}}',
            '{"channel_group":{"groups":{"Orderer":{"values":{"ConsensusType":{"value":{"type":"BFT","metadata":{"request_batch_max_count":"5"}}}}}}}}',
            '{"channel_group":{"groups":{"Orderer":{"values":{"ConsensusType":{"value":{"type":"solo","metadata":{"x":1}}}}}}}}',
            '{"channel_group":{"groups":{"Orderer":{"values":{"ConsensusType":{"value":{"state":"STATE_MAINTENANCE","type":"etcdraft","metadata":{"options":{"tick_interval":"500ms"}}}}}}}}}',
            '{"channelGroup":{}, "channel_group":{}}', '{"sequence":18446744073709551616}', '{"sequence":"5"}', '{"sequence":5.0}',
            '{"sequence":1,"sequence":2}', '{"sequence":true}', '{"sequence":{}}', '{"sequence":[1]}', '{"sequence":null}', '{"sequence":" 5"}',
            '{"a":"\\u12x"}', '{"a" 1}', '{a:1}', '{"a":1 "b"}', '{"a":[1 2]}', '{"a":tru}', '{"a":01}', '{"a":1.}', '{"a":1e}', '{"a":-}', '{"a":"\x01"}', '{"a":"\\x"}', '5', '"x"', "true", "x", "'", "\u00e9", '{"x":"\u00e9","y":1}', '{} garbage',
        ],
        "common.Block": ['{"header":{"number":"x"}}', '{"data":{"data":[{"payload":{"data":{}}}]}}', '{"data":{"data":{}}}', '{"data":{"data":["x"]}}',
                         '{"data":{"data":[{"payload":{"header":{"channel_header":{"type":99}},"data":{}}}]}}',
                         '{"data":{"data":[{"payload":{"header":{"channel_header":{"type":1,"extension":{}}}}}]}}',
                         '{"data":{"data":[{"payload":{"header":{"channel_header":{"type":1,"timestamp":"yesterday"}}}}]}}',
                         '{"data":{"data":[{"payload":{"header":{"channel_header":{"type":1,"timestamp":"2024-02-03T04:05:06.123456Z"}}}}]}}',
                         '{"metadata":{"metadata":["", "YQ=="]}}'],
        "common.ConfigUpdate": ['{"isolated_data":{"x":{}}}', '{"isolated_data":{}}', '{"read_set":{"groups":{"Application":{"groups":{"A":{}}}}}}', '{"write_set":7}'],
        "common.ConfigGroup": ['{"values":{"x":{"value":"YQ=="}}}', '{"groups":{"x":{"groups":{"y":{"version":"2"}}}}}', '{"values":{"x":{"value":{}}}}'],
        "common.MSPPrincipal": ['{"principal_classification":"ROLE","principal":{"role":"ADMIN","msp_identifier":"x"}}', '{"principal_classification":3,"principal":{}}', '{"principal_classification":"x"}', '{"principal_classification":4,"principal":{}}'],
        "rwset.TxReadWriteSet": ['{"ns_rwset":[{"namespace":"a","rwset":{"reads":[{"key":"k","version":{"block_num":"1"}}]},"collection_hashed_rwset":[{"collection_name":"c","hashed_rwset":"YQ==","pvt_rwset_hash":"YQ=="}]}]}', '{"ns_rwset":[{"collection_hashed_rwset":[{"x":1}]}]}', '{"ns_rwset":[{"rwset":{"x":1}}]}', '{"ns_rwset":[4]}'],
        "rwset.NsReadWriteSet": ['{"rwset":{}}', '{"rwset":"YQ=="}'],
        "protos.DeliverResponse": ['{"block":{"data":{"data":["YQ=="]}}}', '{"block":{"data":{"data":[{}]}}}', '{"status":"SUCCESS","block":{}}', '{"filtered_block":{"channel_id":"x","number":"4"}}'],
        "orderer.StepRequest": ['{"submit_request":{"channel":"x","payload":{"payload":"YQ=="}}}', '{"submit_request":{"payload":{"payload":{}}}}'],
        "protos.ChaincodeSpec": ['{"type":"GOLANG","input":{"args":["YQ=="],"decorations":{"a":"YQ=="}}}', '{"input":{"decorations":{"a":1}}}', '{"input":{"decorations":[]}}', '{"type":"PASCAL"}', '{"timeout":2147483648}'],
        "google.protobuf.Timestamp": ["{}", '{"seconds":"1"}'],
        "google.protobuf.Empty": ["{}", '{"x":1}'],
    }
    for name, all_of_it in documents.items():
        for document in all_of_it:
            yield ["proto_encode", "--type", name], document.encode()
    block = (GOLDEN / "mychannel_0.block").read_bytes()
    for name in ("common.Block", "common.Config", "common.Envelope", "google.protobuf.Timestamp"):
        yield ["proto_decode", "--type", name], block
        yield ["proto_decode", "--type", name], b""
    yield ["proto_decode", "--type", "common.Envelope"], b"\x0a\x02\x0a\xff"
    yield ["proto_decode", "--type", "common.Policy"], b"\x08\x09\x12\x01\x00"
    for arguments in ([], ["--help"], ["start", "--help"], ["proto_encode", "--help"], ["compute_update", "--help"], ["nope"], ["--nope"],
                      ["proto_encode", "--nope"], ["proto_decode", "x"], ["proto_encode", "--type"]):
        yield arguments, b""


def errors_are_upstreams():
    for arguments, stdin, said in golden_errors():
        code, out, err = call(OURS, *arguments, stdin=stdin)
        assert code == 1 and out == b"" and err.startswith(said), f"{arguments} {stdin}: {err}"
        assert len(err.splitlines()) == 1, err
    different = []
    for arguments, stdin in more_wrong_calls() if THEIRS else []:
        wanted = call(THEIRS, *arguments, stdin=stdin)
        got = call(OURS, *arguments, stdin=stdin)
        if arguments[:1] == ["proto_encode"] and wanted[0] == got[0] == 0 and wanted[1] != got[1]:
            got = (0, decode(arguments[2], got[1]), got[2])
            wanted = (0, decode(arguments[2], wanted[1], THEIRS), wanted[2])
        if (wanted[:2], words(wanted[2])) != (got[:2], words(got[2])):
            different.append(f"{arguments} {stdin[:300]}\n  upstream: {wanted}\n  ours:     {got}")
    assert not different, "\n".join(different)


def post(port, path, body=b"", method="POST", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    shown = {k: answer.headers[k] for k in ("Content-Type", "Location", "Vary", "Access-Control-Allow-Origin",
                                            "Access-Control-Allow-Headers", "X-Content-Type-Options")
             if k in answer.headers}
    return answer.status, shown, words(content.decode("latin-1").replace("\u00c2\u00a0", " "))


def form(**fields):
    body = b""
    for name, value in fields.items():
        kind = f'form-data; name="{name}"' + ('; filename="f"' if isinstance(value, bytes) else "")
        body += b"--xyz\r\nContent-Disposition: " + kind.encode() + b"\r\n\r\n"
        body += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + b"--xyz--\r\n"


def rest_answers_as_upstream(folder):
    cors = ["--CORS", "http://a.example", "--CORS", "http://b.example"]
    programs = [(OURS, []), (OURS, cors)] + ([(THEIRS, []), (THEIRS, cors)] if THEIRS else [])
    one = encode("common.Config", json.dumps(config()).encode())
    changed = config()
    edits()[3](changed)
    two = encode("common.Config", json.dumps(changed).encode())
    multipart = {"Content_Type": "multipart/form-data; boundary=xyz"}
    compute = "/configtxlator/compute/update-from-configs"
    calls = [
        ("/protolator/decode/common.Config", one, "POST", {}),
        ("/protolator/decode/common.Config/", one, "POST", {}),
        ("/protolator/decode/common.Nope", one, "POST", {}),
        ("/protolator/decode/common.Config", b"\xff", "POST", {}),
        ("/protolator/encode/common.Consortium", b'{"name":"x"}', "POST", {}),
        ("/protolator/encode/common.Config", b"{}", "POST", {}),
        ("/protolator/encode/common.Config", b'{"x":1}', "POST", {}),
        ("/protolator/encode/common.Config", b"", "GET", {}),
        ("/protolator/encode/", b"", "POST", {}),
        ("/nope", b"", "POST", {}),
        (compute, b"", "POST", {}),
        (compute, form(updated=two), "POST", multipart),
        (compute, form(original=one), "POST", multipart),
        (compute, form(original=one, updated=b"\xff"), "POST", multipart),
        (compute, form(original=one, updated=one, channel="mychannel"), "POST", multipart),
        ("/protolator/encode/common.Config", b"{}", "POST", {"Origin": "http://a.example"}),
        ("/protolator/encode/common.Config", b"{}", "POST", {"Origin": "http://c.example"}),
        ("/protolator/encode/common.Config", b"", "OPTIONS", {"Origin": "http://b.example"}),
        ("/protolator/encode/common.Config", b"", "OPTIONS",
         {"Origin": "http://b.example", "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type, accept"}),
        ("/protolator/encode/common.Config", b"", "OPTIONS", {"Origin": "http://b.example", "Access_Control_Request_Method": "PUT"}),
        ("/protolator/encode/common.Config", b"", "OPTIONS",
         {"Origin": "http://b.example", "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-mine"}),
    ]
    answers = []
    for number, (program, flags) in enumerate(programs):
        port = free_ports(1)[0]
        server = Process(f"server{number}", [str(program), "start", "--hostname", "127.0.0.1", "--port", str(port), *flags],
                         dict(os.environ), folder)
        try:
            server.wait_for("Serving HTTP requests on 127.0.0.1")
            answers.append([post(port, path, body, method, **headers) for path, body, method, headers in calls])
            code, body = post(port, compute, form(original=one, updated=two, channel="mychannel"), **multipart)[::2]
            update = json.loads(decode("common.ConfigUpdate", body.encode("latin-1")))
            assert code == 200 and update["channel_id"] == "mychannel", code
            said = call(program, "start", "--hostname", "127.0.0.1", "--port", port)
            # Ours goes on with a remedy.
            answers[-1].append((said[0], re.sub(r"\d{4,5}", "PORT", said[2]).split(";")[0].strip()))
        finally:
            server.stop()
    plain, with_cors = answers[:2]
    assert plain[0][0] == 200 and json.loads(plain[0][2]) == config()
    assert [a[0] for a in plain[:15]] == [200, 301, 404, 400, 200, 200, 400, 405, 404, 404, 400, 400, 400, 400, 400], plain
    assert with_cors[15][1]["Access-Control-Allow-Origin"] == "http://a.example", with_cors[15]
    assert [a[0] for a in with_cors[17:21]] == [400, 200, 405, 403], with_cors[17:]
    assert "bind: address already in use" in plain[-1][1] and plain[-1][0] == 1, plain[-1]
    for mine, upstreams in zip(answers[:2], answers[2:]):
        for (path, *_), got, wanted in zip([*calls, ("start",)], mine, upstreams):
            assert got == wanted, f"{path}\n  upstream: {wanted}\n  ours:     {got}"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        what_is_decoded_encodes_to_the_same()
        updates_are_those_of_upstream(folder)
        errors_are_upstreams()
        rest_answers_as_upstream(folder)
    print("beside upstream's" if THEIRS else "FABRIC_GO_BIN not given: held against golden answers only")


main()
