"""A body's own system behind a node: says what it received, and answers as its path tells.

    python rest_provider.py PORT
"""

import hashlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from noise import PIECE, noise


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = self.chunks()
        except ValueError:  # the node broke off
            self.close_connection = True
            return
        path = self.path.split("?")[0]
        words = path.strip("/").split("/")[1:]
        status, headers, told = 200, [("Content-Type", "application/json; Charset=UTF-8")], self.received(body)
        if words[:1] == ["status"]:
            status = int(words[1])
        elif words[:1] == ["empty"]:
            told = b""
        elif words[:1] == ["moved"]:
            status, headers = 302, [("Location", "http://127.0.0.1:9/elsewhere")]
        elif words[:1] == ["headers"]:
            headers += [("X-Own", "1"), ("X-Own", "2"), ("X-Road-Id", "forged"), ("X-Road-Request-Hash", "forged")]
            headers += [("Keep-Alive", "timeout=5"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Proxy-Authenticate", "x")]
        elif words[:1] == ["slow"]:
            time.sleep(float(words[1]))
        elif words[:1] == ["big"]:
            return self.big(int(words[1]))
        elif words[:1] == ["noise"]:
            return self.big(int(words[1]), noise)
        elif words[:1] == ["broken"]:
            return self.broken(int(words[1]))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(told)

    def received(self, body):
        told = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        return json.dumps(told).encode()

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def big(self, size, piece_at=lambda at: bytes(PIECE)):
        """Many bytes, zeroes unless said otherwise, in pieces, so that this program stays small."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        try:
            for at in range(0, size, PIECE):
                self.wfile.write(piece_at(at)[: size - at])
        except OSError:  # the node has heard enough
            self.close_connection = True

    def broken(self, size):
        """Dies in the middle of its answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(2 * size))
        self.end_headers()
        self.wfile.write(bytes(size))
        self.wfile.flush()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_TRACE = answer

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Provider).serve_forever()
