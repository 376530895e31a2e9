"""Deliveries and events between two bodies, while both are killed.

    python deliver.py FOLDER FIRST-PORT

FOLDER holds a country of the demo that has been stopped. The municipality's own system sends orders to a system of the
tax office with 'respond-async'; that system counts what it did by message number.
"""

import atexit
import http.server
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

PORTS = {"ollantaytambo": 0, "autoridad": 1, "tributos": 3}
ORDERS = 40
KILLS = 8
WAIT_SECONDS = 240


class Body:
    def __init__(self, folder, first, code):
        self.code, self.base = code, f"http://127.0.0.1:{first + PORTS[code]}"
        self.command = [os.environ["TAMBO_TESTED"], "serve", "--config", f"{folder}/{code}/settings.toml"]
        self.log = open(f"{folder}/{code}.log", "ab")
        self.start()
        # Whatever a test finds wrong, nothing stays behind.
        atexit.register(lambda: self.process.poll() is None and self.process.kill())

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def up(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, f"{self.code} ended by itself"
            try:
                urllib.request.urlopen(self.base + "/metrics", timeout=2).read()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{self.code} does not come up")


class System(http.server.BaseHTTPRequestHandler):
    """The tax office's own system: recognises a number that it has done already."""

    done, calls = [], 0

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        number = self.headers["x-road-id"]
        System.calls += 1
        if number not in System.done:
            System.done.append(number)
        body = f"done {number}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def member(folder, code):
    text = open(f"{folder}/{code}/settings.toml").read()
    section = text.split("[exchange]")[1]
    value = lambda key: re.search(rf'^{key} = "(.*)"', section, re.M).group(1)
    return "/".join(value(key) for key in ("instance", "class", "member", "subsystem"))


def settle(folder, code, edit, more):
    path = f"{folder}/{code}/settings.toml"
    text = open(path).read()
    for key, value in edit.items():
        text = re.sub(rf"^{key} = .*\n", "", text, flags=re.M)
        text = text.replace("[exchange]\n", f"[exchange]\n{key} = {value}\n", 1)
    open(path, "w").write(text + more)


def ask(method, url, client, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers={"X-Road-Client": client, **headers})
    try:
        answer = urllib.request.urlopen(request, timeout=20)
        return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def persistent(action):
    """A system tries again while its node is being killed; accepted is accepted once."""
    end = time.monotonic() + 60
    while True:
        try:
            return action()
        except OSError:
            assert time.monotonic() < end, "the node does not come back"
            time.sleep(0.1)


def main():
    folder, first = sys.argv[1], int(sys.argv[2])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", first + 10), System)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asker, provider = member(folder, "ollantaytambo"), member(folder, "tributos")
    systems = f"http://127.0.0.1:{first + 11}"
    office = provider.rsplit("/", 1)[1]
    plain = '\n[exchange.systems.{}]\nauthentication = "http"\n'
    settle(folder, "ollantaytambo", {"client_listen": f'"127.0.0.1:{first + 11}"'}, plain.format(asker.rsplit("/", 1)[1]))
    settle(folder, "tributos", {}, f"""
[exchange.services.pedidos]
url = "http://127.0.0.1:{first + 10}"
agreement = false
endpoints = [{{ method = "POST", path = "/nuevo" }}]
rights = [{{ subject = "{asker}", method = "POST", path = "/**" }}]
""")
    text = open(f"{folder}/tributos/settings.toml").read()
    text = re.sub(r"^call_again = .*$", f'call_again = ["{office}/pedidos"]', text, flags=re.M)
    open(f"{folder}/tributos/settings.toml", "w").write(text)
    bodies = {code: Body(folder, first, code) for code in ("autoridad", "tributos", "ollantaytambo")}
    for body in bodies.values():
        body.up()
    numbers = [f"ORD-{n:03}" for n in range(ORDERS)]
    dice = random.Random(7)

    def knife():
        for _ in range(KILLS):
            time.sleep(0.5 + dice.random())
            body = bodies[dice.choice(["tributos", "ollantaytambo"])]
            body.kill()
            time.sleep(dice.random())
            body.start()

    killing = threading.Thread(target=knife)
    killing.start()
    for number in numbers:
        send = lambda: ask("POST", f"{systems}/r1/{provider}/pedidos/nuevo", asker, number.encode(),
                           Prefer="respond-async", X_Road_Id=number, Tambo_Order="a", Content_Type="text/plain")
        status, body, headers = persistent(send)
        assert status == 202, (status, body)
        assert headers["location"] == f"/deliveries/{number}"
        time.sleep(0.15)
    killing.join()
    end = time.monotonic() + WAIT_SECONDS
    left = list(numbers)
    while left:
        told = json.loads(persistent(lambda: ask("GET", f"{systems}/deliveries/{left[0]}", asker))[1])
        assert told["state"] in ("waiting", "sending", "answered"), told
        if told["state"] == "answered":
            assert told["answer"]["body"]["text"] == f"done {left[0]}", told
            left.pop(0)
            continue
        assert time.monotonic() < end, told
        time.sleep(0.5)
    assert System.done == numbers, f"order or effect: {System.done}"
    status, _, _ = ask("GET", f"{systems}/deliveries/{numbers[0]}", asker + "X")
    assert status >= 400, "another client sees the delivery"
    print(f"     {ORDERS} orders accepted, {KILLS} times kill -9: each done once, in order ({System.calls} calls)")
    for body in bodies.values():
        body.kill()


if __name__ == "__main__":
    main()
