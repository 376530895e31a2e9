"""A foreign member with a server of its own: asks over port 5500 like an X-Road security server, and answers there.

    node.py requests DIR INSTANCE CLASS CODE SERVER [rsa|ec]    keys and certificate requests (sign.csr, auth.csr)
    node.py ask DIR HOST:PORT --client ID --service ID ...      one message; prints status, headers and body as JSON
    node.py serve DIR HOST:PORT                                 answers until it is stopped, a JSON line for each message

DIR holds sign.key, sign.crt, auth.key, auth.crt, ca.crt (PEM) and ocsp.url. With `--tls x-road` it offers TLS 1.2 with
X-Road's own suites alone.
"""
import argparse
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat, load_pem_private_key)
from cryptography.x509 import ocsp

import xroad

X_ROAD_SUITES = "ECDHE-RSA-AES256-SHA384:DHE-RSA-AES256-SHA256:ECDHE-ECDSA-AES256-SHA384"


class Member:
    def __init__(self, folder):
        self.folder = folder
        read = lambda name: open(os.path.join(folder, name), "rb").read()
        self.sign_key = load_pem_private_key(read("sign.key"), None)
        self.sign = x509.load_pem_x509_certificate(read("sign.crt"))
        self.auth = x509.load_pem_x509_certificate(read("auth.crt"))
        self.ca = x509.load_pem_x509_certificate(read("ca.crt"))
        self.ocsp_url = read("ocsp.url").decode().strip()

    def status(self, certificate):
        """A fresh OCSP response (RFC 6960; CertID by SHA-1, as X-Road's servers ask and compare)."""
        request = ocsp.OCSPRequestBuilder().add_certificate(certificate, self.ca, hashes.SHA1()).build()
        asked = urllib.request.Request(self.ocsp_url, request.public_bytes(Encoding.DER),
                                       {"Content-Type": "application/ocsp-request"})
        return urllib.request.urlopen(asked, timeout=10).read()

    def context(self, side, kind):
        context = ssl.SSLContext(side)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(self.folder, "ca.crt"))
        context.load_cert_chain(os.path.join(self.folder, "auth.crt"), os.path.join(self.folder, "auth.key"))
        if kind == "x-road":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(X_ROAD_SUITES)
        return context


def requests(args):
    os.makedirs(args.folder, exist_ok=True)
    member = x509.Name.from_rfc4514_string(
        f"CN={args.code},2.5.4.5={args.instance}/{args.server}/{args.member_class},O=Foreign,C=PE")
    for name in ("sign", "auth"):
        key = rsa.generate_private_key(65537, 2048) if args.kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(member).sign(key, hashes.SHA256())
        path = os.path.join(args.folder, name)
        with open(path + ".key", "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with open(path + ".csr", "wb") as file:
            file.write(csr.public_bytes(Encoding.PEM))


def ask(args):
    member = Member(args.folder)
    number, attempt = args.id or xroad.new_id(args.client.split("/")[0]), str(uuid.uuid4())
    headers = [pair.split(":", 1) for pair in args.header]
    headers += [("X-Road-Client", args.client), ("x-road-request-id", attempt), ("x-road-id", number)]
    body = args.body.encode() if args.body else None
    rest = xroad.request_part(args.method, f"/r1/{args.service}{args.path}", headers)
    parts = xroad.message("request", rest, body, member.sign_key, member.sign, [member.status(member.sign)],
                          [member.status(member.auth)])
    if args.spoil:
        parts = [(kind, spoiled(data) if kind == args.spoil else data) for kind, data in parts]
    boundary = xroad.new_boundary()
    framed = xroad.frame(parts, boundary)
    host, port = args.address.rsplit(":", 1)
    context = member.context(ssl.PROTOCOL_TLS_CLIENT, args.tls)
    with socket.create_connection((host, int(port)), 10) as tcp, context.wrap_socket(tcp) as line:
        line_info = (line.version(), line.cipher()[0])
        connection = http.client.HTTPConnection(host)
        connection.sock = line
        connection.request("POST", "/", iter([framed[:700], framed[700:]]), {
            "Content-Type": f"multipart/mixed; charset=UTF-8; boundary={boundary}", "x-hash-algorithm": "SHA-512",
            "x-proxy-version": "7.8.0", "x-original-content-type": "application/json", "x-road-request-id": attempt,
            "x-road-message-type": "REST", "Connection": "close"}, encode_chunked=True)
        answer = connection.getresponse()
        kind, data = answer.getheader("content-type"), answer.read()
    told = {"tls": line_info, "number": number}
    if kind.startswith("text/xml"):
        told["fault"] = data.decode()
    else:
        answered, content, signer = xroad.open_message(xroad.unframe(data, kind))
        signer.verify_directly_issued_by(member.ca)
        status, reason, found = xroad.read_part(answered)
        assert xroad.header(found, "x-road-request-hash") == xroad.request_hash(rest, body), "another request's answer"
        assert xroad.header(found, "x-road-id") == number and xroad.header(found, "x-road-request-id") == attempt
        assert xroad.header(found, "x-road-client") == args.client and xroad.header(found, "x-road-service") == args.service
        told |= {"status": int(status), "reason": reason, "headers": found, "body": (content or b"").decode(),
                 "signer": signer.subject.rfc4514_string()}
    print(json.dumps(told))


def spoiled(data):
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    member = None
    until_close = False

    def log_message(self, *_):
        pass

    def do_POST(self):
        data = self.whole()
        rest, body, signer = xroad.open_message(xroad.unframe(data, self.headers["content-type"]))
        signer.verify_directly_issued_by(self.member.ca)
        method, target, headers = xroad.read_part(rest)
        assert xroad.header(headers, "x-road-request-id") == self.headers["x-road-request-id"]
        get = lambda name: xroad.header(headers, name)
        content = json.dumps({"method": method, "target": target, "body": (body or b"").decode()}).encode()
        answer = xroad.response_part(200, "OK", [
            ("Content-Type", "application/json"), ("x-road-id", get("x-road-id")), ("x-road-client", get("x-road-client")),
            ("x-road-service", "/".join(target.split("?")[0].split("/")[2:7])),
            ("x-road-request-id", get("x-road-request-id")), ("x-road-request-hash", xroad.request_hash(rest, body))])
        own = self.member
        parts = xroad.message("response", answer, content, own.sign_key, own.sign, [own.status(own.sign)])
        boundary = xroad.new_boundary()
        framed = xroad.frame(parts, boundary)
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/mixed; charset=UTF-8; boundary={boundary}")
        self.send_header("x-hash-algorithm", "SHA-512")
        self.send_header("Connection", "close")
        if not self.until_close:
            self.send_header("Content-Length", str(len(framed)))
        self.end_headers()
        self.wfile.write(framed)
        print(json.dumps({"tls": [self.connection.version(), self.connection.cipher()[0]], "method": method,
                          "target": target, "signer": signer.subject.rfc4514_string(),
                          "transport": {name.lower(): value for name, value in self.headers.items()}}), flush=True)

    def whole(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers["content-length"]))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data


class Statuses(BaseHTTPRequestHandler):
    """The exchange of OCSP responses on port 5577."""
    member = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        content = self.member.status(self.member.auth)
        boundary = "status" + uuid.uuid4().hex
        data = (f"\r\n--{boundary}\r\nContent-Type: application/ocsp-response\r\n\r\n".encode() + content +
                f"\r\n--{boundary}--\r\n".encode())
        self.send_response(200)
        self.send_header("Content-Type", 'multipart/related; type="application/ocsp-response"; charset=UTF-8; '
                         f"boundary={boundary}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(args):
    Answers.member = Statuses.member = Member(args.folder)
    Answers.until_close = args.until_close
    host, port = args.address.rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), Answers)
    context = Answers.member.context(ssl.PROTOCOL_TLS_SERVER, args.tls)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    if args.ocsp:
        host, port = args.ocsp.rsplit(":", 1)
        threading.Thread(target=ThreadingHTTPServer((host, int(port)), Statuses).serve_forever, daemon=True).start()
    print("ready", flush=True)
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("requests")
    for name in ("folder", "instance", "member_class", "code", "server"):
        one.add_argument(name)
    one.add_argument("kind", nargs="?", choices=("ec", "rsa"), default="ec")
    one.set_defaults(run=requests)
    one = commands.add_parser("ask")
    one.add_argument("folder")
    one.add_argument("address")
    one.add_argument("--client", required=True)
    one.add_argument("--service", required=True)
    one.add_argument("--method", default="GET")
    one.add_argument("--path", default="")
    one.add_argument("--header", action="append", default=[])
    one.add_argument("--body")
    one.add_argument("--id")
    one.add_argument("--spoil", choices=tuple(xroad.TYPES))
    one.add_argument("--tls", choices=("any", "x-road"), default="any")
    one.set_defaults(run=ask)
    one = commands.add_parser("serve")
    one.add_argument("folder")
    one.add_argument("address")
    one.add_argument("--tls", choices=("any", "x-road"), default="any")
    one.add_argument("--ocsp")
    one.add_argument("--until-close", action="store_true", help="end answers by closing the line, as HTTP/1.0 does")
    one.set_defaults(run=serve)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    sys.exit(main())
