"""The message log survives: without time stamps, on a disk that fills up, with a clock that jumps.

    python survive.py FOLDER FIRST-PORT stamps|disk|clock

FOLDER holds a country of the demo that has been stopped. The municipality's own system asks a system of the tax office;
whatever was answered with 200 or accepted with 202 must be in the message log at the end, signed and time-stamped.
"""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.parse

from deliver import Body, System, ask, member, settle

GRACE = 6
MEGABYTE = 1 << 20


class Scene:
    def __init__(self, folder, first, asker_settings=None):
        self.folder, self.first = folder, first
        self.url = f"http://127.0.0.1:{first + 11}"
        self.asker, self.provider = member(folder, "ollantaytambo"), member(folder, "tributos")
        self.kept, self.count = [], 0
        server = http.server.ThreadingHTTPServer(("127.0.0.1", first + 10), System)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        plain = f'\n[exchange.systems.{self.asker.rsplit("/", 1)[1]}]\nauthentication = "http"\n'
        quick = {"stamp_every_seconds": 1, "stamp_grace_seconds": GRACE}
        settle(folder, "ollantaytambo", {"client_listen": f'"127.0.0.1:{first + 11}"', **quick, **(asker_settings or {})}, plain)
        settle(folder, "tributos", quick, f"""
[exchange.services.pedidos]
url = "http://127.0.0.1:{first + 10}"
agreement = false
endpoints = [{{ method = "POST", path = "/nuevo" }}]
rights = [{{ subject = "{self.asker}", method = "POST", path = "/**" }}]
""")
        self.bodies = {}

    def start(self, *codes):
        for code in codes:
            self.bodies[code] = Body(self.folder, self.first, code)
            self.bodies[code].up()

    def send(self, later=False):
        """Asks; tells status, code and text of an error."""
        self.count += 1
        number = f"LOG-{self.count:04}"
        more = {"Prefer": "respond-async"} if later else {}
        status, body, headers = ask("POST", f"{self.url}/r1/{self.provider}/pedidos/nuevo", self.asker, b"x" * 2000,
                                    X_Road_Id=number, Content_Type="text/plain", **more)
        if status == 200 or status == 202:
            self.kept.append(number)
            return status, "", ""
        error = json.loads(body)
        return status, error["type"], error["message"]

    def good(self, count=3):
        for _ in range(count):
            told = self.send()
            assert told[0] == 200, told

    def until(self, what, action, seconds=40):
        end = time.monotonic() + seconds
        while True:
            told = action()
            if told:
                return told
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.3)

    def health(self):
        port = self.first
        status, body, _ = ask("GET", f"http://127.0.0.1:{port}/health", self.asker)
        return status, body.decode()

    def metric(self, name, port=None):
        _, body, _ = ask("GET", f"http://127.0.0.1:{port or self.first}/metrics", self.asker)
        found = re.search(rf"^tambo_{name} (\S+)$", body.decode(), re.M)
        assert found, f"no metric {name}"
        return float(found.group(1))

    def container(self, number):
        words = self.asker.split("/")
        names = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode")
        query = urllib.parse.urlencode({**dict(zip(names, words)), "queryId": number})
        return ask("GET", f"{self.url}/asic?{query}", self.asker)[:2]

    def all_kept(self):
        """Every acknowledged message is in the log of the asking node, under a time stamp, and proves itself."""
        folder = pathlib.Path(self.folder).parent / "kept"
        folder.mkdir(exist_ok=True)
        for number in self.kept:
            status, body = self.until(f"{number} is stamped", lambda: (lambda told: told if told[0] == 200 else None)(self.container(number)))
            (folder / f"{number}.zip").write_bytes(body)
        conf = ask("GET", f"{self.url}/verificationconf", self.asker)[1]
        (folder / "conf.zip").write_bytes(conf)
        return len(self.kept)

    def end(self):
        for body in self.bodies.values():
            body.process.terminate()
        for code, body in self.bodies.items():
            assert body.process.wait(30) == 0, f"{code} did not stop in order"


def stamps(folder, first):
    scene = Scene(folder, first)
    scene.start("autoridad", "tributos", "ollantaytambo")
    scene.good()
    scene.all_kept()
    # The machine with the time-stamping service loses power.
    scene.bodies.pop("autoridad").kill()
    began, taken = time.monotonic(), 0
    while True:
        status, code, text = scene.send()
        if status != 200:
            break
        taken += 1
        assert time.monotonic() - began < GRACE + 15, "goes on without time stamps for ever"
        time.sleep(0.5)
    waited = time.monotonic() - began
    assert waited > GRACE - 1 and taken > GRACE, f"stopped after {waited:.1f} s and {taken} messages"
    assert code.endswith("timestamping_failed") and "time stamp" in text, (status, code, text)
    status, text = scene.health()
    assert status == 503 and "wait for a time stamp" in text, (status, text)
    print(f"     without time stamps {taken} messages were taken for {waited:.0f} s (limit {GRACE} s), then: {code}")
    scene.start("autoridad")
    scene.until("it goes on", lambda: scene.send()[0] == 200)
    scene.until("all is stamped", lambda: scene.metric("exchange_unstamped") == 0)
    scene.until("the provider too", lambda: scene.metric("exchange_unstamped", first + 3) == 0)
    print(f"     with the service back {scene.all_kept()} of {len(scene.kept)} messages are stamped, those of the outage too")
    scene.end()


def free(disk):
    space = os.statvfs(disk)
    return space.f_bavail * space.f_frsize


def fill(disk, left, pause=0.0):
    with open(f"{disk}/filler", "ab") as filler:
        while free(disk) > left:
            filler.write(b"\0" * min(MEGABYTE, max(4096, free(disk) - left)))
            filler.flush()
            time.sleep(pause)


def disk(folder, first):
    disk = f"{folder}/ollantaytambo/small"
    text = pathlib.Path(f"{folder}/ollantaytambo/settings.toml").read_text()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        place = pathlib.Path(f"{folder}/ollantaytambo/{name}")
        if place.exists():
            pathlib.Path(f"{disk}/{name}").write_bytes(place.read_bytes())
    text = text.replace("sqlite:store.db", "sqlite:small/store.db")
    stop, warn = free(disk) // 3, free(disk) * 2 // 3
    for key, value in (("disk_stop_bytes", stop), ("disk_warn_bytes", warn), ("disk_warn_percent", 0)):
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
    pathlib.Path(f"{folder}/ollantaytambo/settings.toml").write_text(text)
    scene = Scene(folder, first)
    scene.start("autoridad", "tributos", "ollantaytambo")
    scene.good()
    # The messages of an earlier outage get their time stamps first.
    scene.until("the node is healthy", lambda: scene.health()[0] == 200)
    assert "MiB free" not in scene.health()[1], scene.health()
    fill(disk, (stop + warn) // 2)
    status, text = scene.health()
    assert status == 200 and "the disk has" in text, (status, text)
    scene.good()
    print(f"     below {warn >> 20} MiB free: warned, and messages are taken")
    # Some are on their way while the disk fills up.
    flood = threading.Thread(target=lambda: [scene.send() for _ in range(60)])
    flood.start()
    fill(disk, stop - 2 * MEGABYTE, pause=0.1)
    flood.join()
    for later in (False, True):
        status, code, text = scene.send(later)
        assert status == 500 and code.endswith("logging_failed") and "nearly full" in text, (status, code, text)
    status, text = scene.health()
    assert status == 503 and "no message is accepted" in text, (status, text)
    assert scene.metric("exchange_disk_free_bytes") > 0
    fill(disk, 0)
    status, code, text = scene.send()
    assert status == 500 and code.endswith("logging_failed"), (status, code, text)
    print(f"     below {stop >> 20} MiB free: refused with {code}; with nothing free too")
    os.unlink(f"{disk}/filler")
    scene.until("it goes on", lambda: scene.send()[0] == 200)
    assert scene.send(later=True)[0] == 202
    scene.good()
    print(f"     with room again: {scene.all_kept()} of {len(scene.kept)} acknowledged messages are in the log, stamped")
    scene.end()


def clock(folder, first):
    text = pathlib.Path(f"{folder}/ollantaytambo/settings.toml").read_text()
    text = re.sub(r"^clock_behind_seconds = .*$", "clock_behind_seconds = 60", text, flags=re.M)
    pathlib.Path(f"{folder}/ollantaytambo/settings.toml").write_text(text)
    scene = Scene(folder, first)
    scene.start("autoridad", "tributos")
    place = pathlib.Path(folder).parent / "clock"
    place.write_text("+0\n")
    faked = {
        "LD_PRELOAD": sys.argv[4], "FAKETIME_TIMESTAMP_FILE": str(place), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }
    os.environ.update(faked)
    scene.start("ollantaytambo")
    for name in faked:
        del os.environ[name]
    scene.good()

    def step(text):
        fresh = place.with_suffix(".new")
        fresh.write_text(text + "\n")
        os.replace(fresh, place)

    step("-600s")
    status, code, text = scene.send()
    assert status == 500 and code.endswith("logging_failed"), (status, code, text)
    behind = int(re.search(r"(\d+) seconds behind", text).group(1))
    assert 590 <= behind <= 640, text
    status, text = scene.health()
    assert status == 503 and "behind what is known to have happened" in text, (status, text)
    step("+0")
    scene.until("it goes on", lambda: scene.send()[0] == 200)
    print(f"     ten minutes back: refused, {behind} seconds told; set right: goes on")
    step("+3h")
    scene.until("the step is told", lambda: "the clock stepped by" in scene.health()[1])
    status, code, text = scene.send()
    print(f"     three hours on: told in health; asked: {status} {code}")
    was_taken = status == 200
    step("+0")
    if was_taken:
        # What was logged ahead of time holds until the true time has caught up, or the operator says otherwise.
        status, code, text = scene.send()
        assert status == 500 and "seconds behind" in text, (status, code, text)
        print("     set right: waits until the true time has caught up, and says so")
    else:
        assert code and text, (status, code, text)
        scene.until("it goes on", lambda: scene.send()[0] == 200)
        scene.good()
    scene.until("both steps are counted", lambda: scene.metric("exchange_clock_jumps") >= 2)
    print(f"     set right: {scene.all_kept()} of {len(scene.kept)} acknowledged messages are in the log, stamped")
    scene.end()


if __name__ == "__main__":
    {"stamps": stamps, "disk": disk, "clock": clock}[sys.argv[3]](sys.argv[1], int(sys.argv[2]))
