"""Kills a country at random moments while citizens file, and counts what is left.

    python kill.py FOLDER PORT KILLS SEED [demo options...]

Three citizens file one licence after another through the real pages. Meanwhile the whole process gets SIGKILL, half of the
times just while somebody's filing is under way, and is started again over the same folder. A citizen whose answer was cut
off sends the same form again, as a person would. At the end: every acknowledged receipt is there exactly once, numbers
have no gap and no double, every receipt's paper is made by the jobs that were interrupted, and nothing was given up.
"""

import os
import re
import subprocess
import sys
import threading
import time

from visitor import ELENA, JULIAN, ROSA, Visitor, chance, number_of, wait_for

PEOPLE = (ROSA, JULIAN, ELENA)
# More than anybody files here in the time; it ends a test that would not end.
CASES_MAX = 400
UP_SECONDS = (0.3, 3.0)
IN_FLIGHT_SECONDS = 0.04
PAPERS_SECONDS = 120


class Country:
    def __init__(self, folder, port, more):
        self.base = f"http://127.0.0.1:{port}"
        self.command = [os.environ["TAMBO_TESTED"], "demo", "--data", folder, "--port", str(port), *more]
        self.log = open(folder + ".log", "ab")
        self.process = None
        self.starts = []

    def start(self):
        began = time.monotonic()
        fresh = [] if self.starts else ["--fresh"]
        self.process = subprocess.Popen(self.command + fresh, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        end = began + 60
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the country does not start again: status {self.process.returncode}")
            try:
                if Visitor(self.base).get("/health").status == 200:
                    break
            except OSError:
                pass
            if time.monotonic() > end:
                raise AssertionError("the country is not healthy 60 s after its start")
            time.sleep(0.02)
        self.starts.append(time.monotonic() - began)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=40)


class Citizen(threading.Thread):
    """Files until told to stop; remembers what was acknowledged and how often it had to send again."""

    def __init__(self, base, dni, pace):
        super().__init__(daemon=True)
        self.visitor, self.dni, self.pace = Visitor(base), dni, pace
        self.acknowledged, self.again, self.problem = [], 0, None
        self.filing, self.done = threading.Event(), threading.Event()

    def patiently(self, act):
        """Until it answers with a page: a dead server and a busy one are met again, as a person would."""
        while not self.done.is_set():
            try:
                answer = act()
                if getattr(answer, "status", 200) in (429, 503):
                    time.sleep(1)
                    continue
                return answer
            except OSError:
                time.sleep(0.1)
        return None

    def run(self):
        try:
            self.patiently(lambda: self.visitor.sign_in(self.dni))
            while not self.done.is_set() and len(self.acknowledged) < CASES_MAX:
                self.one()
                time.sleep(self.pace.uniform(0.0, 0.6))
        except Exception as problem:
            self.problem = problem

    def one(self):
        try:
            page = self.patiently(lambda: self.visitor.to_check(self.dni))
        except AssertionError as problem:
            if "429" in str(problem) or "503" in str(problem):
                time.sleep(1)
                return
            raise
        if page is None:
            return
        sent = 0
        while not self.done.is_set() or sent:
            sent += 1
            self.filing.set()
            try:
                receipt = self.visitor.file(page)
            except OSError:
                time.sleep(0.1)
                continue
            finally:
                self.filing.clear()
            if receipt.status in (429, 503):
                time.sleep(1)
                continue
            assert receipt.status == 200, f"filing: {receipt.status}: {receipt.main()[:300]}"
            self.acknowledged.append((number_of(receipt), receipt.path.split("/")[2]))
            self.again += sent > 1
            return


def kill_often(country, citizens, kills, dice):
    for turn in range(kills):
        time.sleep(dice.uniform(*UP_SECONDS))
        if turn % 2:
            end = time.monotonic() + 10
            while time.monotonic() < end and not any(citizen.filing.is_set() for citizen in citizens):
                time.sleep(0.0005)
            time.sleep(dice.uniform(0, IN_FLIGHT_SECONDS))
        country.kill()
        time.sleep(dice.uniform(0, 0.3))
        country.start()
        trouble = [citizen.problem for citizen in citizens if citizen.problem]
        assert not trouble, f"a citizen gave up: {trouble!r}"


def listed(base, dni):
    """Number and case of everything on the person's own list, page by page."""
    visitor, found, place = Visitor(base), [], "/cases"
    visitor.sign_in(dni)
    while place:
        page = visitor.get(place)
        assert page.status == 200, f"{place}: {page.status}"
        for card in re.split(r"<li\b", page.text)[1:]:
            number, case = re.search(r"EXP-\d{6}-\d{4}", card), re.search(r'href="/cases/([0-9A-Z]{26})"', card)
            if number and case:
                found.append((number.group(0), case.group(1)))
        older = re.search(r'href="(/cases\?before=[0-9A-Z]{26})"', page.text)
        place = older.group(1) if older else None
    return visitor, found


def count(country, citizens):
    everything = []
    for citizen in citizens:
        visitor, found = listed(country.base, citizen.dni)
        assert len(set(found)) == len(found), f"{citizen.dni}: a case is listed twice: {found}"
        acknowledged = sorted(citizen.acknowledged)
        assert sorted(found) == acknowledged, f"{citizen.dni}: acknowledged {acknowledged}, there are {sorted(found)}"
        everything += acknowledged
        papers(visitor, acknowledged)
    # Whatever was filed without being acknowledged in the end would be missing here: a number that nobody has.
    numbers = sorted(int(number.split("-")[1]) for number, _ in everything)
    assert numbers == list(range(1, len(numbers) + 1)), f"a gap or a double in the numbers: {numbers}"
    return len(numbers)


def papers(visitor, found):
    """Every receipt's paper comes in the end: the jobs that a kill interrupted were put back."""
    end = time.monotonic() + PAPERS_SECONDS
    for number, case in found:
        while True:
            page = visitor.get(f"/cases/{case}/receipt")
            if page.status == 429:
                time.sleep(1)
                continue
            assert number_of(page) == number, f"{case} was {number} and is {number_of(page)}"
            if re.search(r'href="/documents/', page.text):
                break
            assert time.monotonic() < end, f"{number}: no paper in {PAPERS_SECONDS} s"
            time.sleep(0.3)


def main():
    folder, port, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    dice = chance(seed)
    country = Country(folder, port, sys.argv[5:])
    country.start()
    wait_for(country.base)
    citizens = [Citizen(country.base, dni, chance(seed + at + 1)) for at, dni in enumerate(PEOPLE)]
    try:
        for citizen in citizens:
            citizen.start()
        kill_often(country, citizens, kills, dice)
        time.sleep(1)
        for citizen in citizens:
            citizen.done.set()
        for citizen in citizens:
            citizen.join(60)
            assert not citizen.is_alive(), f"{citizen.dni} still waits for an answer"
            assert not citizen.problem, f"{citizen.dni}: {citizen.problem!r}"
        total = count(country, citizens)
        again = sum(citizen.again for citizen in citizens)
        assert total >= kills, f"only {total} filings in {kills} kills: nothing was tested"
        starts = sorted(country.starts[1:])
        print(f"{kills} kills, {total} filings acknowledged, {again} sent again after a cut, all there once, no gaps")
        print(f"starts after a kill: {starts[0]:.2f} to {starts[-1]:.2f} s, median {starts[len(starts) // 2]:.2f} s")
        status = country.stop()
        assert status == 0, f"status {status} after SIGTERM"
    finally:
        if country.process.poll() is None:
            country.kill()


main()
