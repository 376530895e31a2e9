"""Five bodies in five processes; one of them, then the authority, is killed while citizens file.

    python apart.py FOLDER FIRST-PORT

FOLDER holds a country of the demo that has been stopped; its bodies are served from their own settings files.
"""

import os
import re
import subprocess
import sys
import time

from visitor import JULIAN, ELENA, ROSA, Visitor, number_of, wait_for

BODIES = ("autoridad", "identidad", "tributos", "poderes", "ollantaytambo")
# The demo gives the municipality the first port and the others the next ones.
PORTS = {"ollantaytambo": 0, "autoridad": 1, "identidad": 2, "tributos": 3, "poderes": 4}
# Filing waits for no registry: a form asks for 1.5 s at most.
FILING_SECONDS = 6
GATHERING_SECONDS = 120
WAITING = re.compile(r"Falta la respuesta de un registro|Faltan \d+ respuestas de los registros")


class Body:
    def __init__(self, folder, first, code):
        self.code, self.base = code, f"http://127.0.0.1:{first + PORTS[code]}"
        self.command = [os.environ["TAMBO_TESTED"], "serve", "--config", f"{folder}/{code}/settings.toml"]
        self.log = open(f"{folder}/{code}.log", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


def filed(base, dni, waiting):
    """Files; the receipt must come in time and say whether a registry's answer is missing."""
    visitor = Visitor(base)
    visitor.sign_in(dni)
    page = visitor.to_check(dni)
    began = time.monotonic()
    receipt = visitor.file(page)
    took = time.monotonic() - began
    number = number_of(receipt)
    assert took < FILING_SECONDS, f"{number} took {took:.1f} s"
    told = WAITING.search(receipt.main())
    assert bool(told) == waiting, f"{number}: waiting for a registry: {told}, expected {waiting}"
    return visitor, receipt.path, number, took


def gathered(visitor, path, number):
    began = time.monotonic()
    while WAITING.search(visitor.get(path).main()):
        assert time.monotonic() - began < GATHERING_SECONDS, f"{number}: no answer in {GATHERING_SECONDS} s"
        time.sleep(0.5)
    return time.monotonic() - began


def main():
    folder, first = sys.argv[1], int(sys.argv[2])
    bodies = {code: Body(folder, first, code) for code in BODIES}
    try:
        for body in bodies.values():
            wait_for(body.base)
        office = bodies["ollantaytambo"].base
        _, _, number, took = filed(office, ROSA, waiting=False)
        print(f"     five processes: {number} filed in {took:.2f} s with every registry's answer")
        bodies["tributos"].kill()
        visitor, path, number, took = filed(office, JULIAN, waiting=True)
        print(f"     a registry is down: {number} filed in {took:.2f} s, and the receipt says what is missing")
        bodies["tributos"].start()
        wait_for(bodies["tributos"].base)
        print(f"     the registry is back: its answer is in the case after {gathered(visitor, path, number):.1f} s")
        bodies["autoridad"].kill()
        visitor, path, number, took = filed(office, ELENA, waiting=False)
        print(f"     the authority is down: {number} filed in {took:.2f} s")
        bodies["autoridad"].start()
        wait_for(bodies["autoridad"].base)
        for body in bodies.values():
            body.process.terminate()
        for body in bodies.values():
            status = body.process.wait(timeout=40)
            assert status == 0, f"{body.code}: status {status} after SIGTERM"
    finally:
        for body in bodies.values():
            if body.process.poll() is None:
                body.kill()


main()
