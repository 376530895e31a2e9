"""A body's existing REST service, as many offices have one: talkative, and it wants a token.

    python rest_registry.py PORT TOKEN
"""

import http.server
import json
import sys

PEOPLE = {"40000001": {"nombre": "Rosa Quispe", "nacimiento": "1990-05-01", "lengua": "quechua", "clave": "SECRETO"}}


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        subject = self.path.rsplit("/", 1)[-1]
        if self.headers.get("Authorization") != sys.argv[2]:
            self.tell(401, {"error": "SECRETO"})
        elif subject == "40000500":
            self.tell(500, {"error": f"SECRETO about {subject}"})
        elif subject in PEOPLE:
            self.tell(200, {"data": PEOPLE[subject]})
        else:
            self.tell(404, {"error": f"SECRETO about {subject}"})

    def tell(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
