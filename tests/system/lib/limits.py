"""Bad input against a running country: each must get its status and a clear page, and nothing may break.

    python limits.py BASE
"""

import re
import socket
import sys
import threading
import time
import urllib.parse

from visitor import ELENA, JULIAN, PROCEDURE, ROSA, SATURNINA, Visitor, answers_of, filing_form, number_of, own_ruc

# The listener's time for headers, with some patience for a slow machine; see infrastructure/web/src/listen.rs.
HEADERS_SECONDS = 20
IDLE_CONNECTIONS = 300
REFERENCE = re.compile(r"\b[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b")


def raw(base, request, seconds=10):
    """Bytes to the port and whatever comes back until it closes or falls silent."""
    host = urllib.parse.urlsplit(base)
    with socket.create_connection((host.hostname, host.port), timeout=seconds) as line:
        line.sendall(request)
        answer = b""
        try:
            while len(answer) < 100_000:
                part = line.recv(8192)
                if not part:
                    break
                answer += part
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


def status_of(answer):
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found.group(1)) if found else None


def told(answer, status):
    """The page of an error: its status, a heading, a reference number, and nothing of our inside."""
    assert answer.status == status, f"{answer.status} instead of {status}: {answer.main()[:300]}"
    assert "<h1" in answer.text and REFERENCE.search(answer.text), f"no reference number: {answer.main()[:300]}"
    for inside in ("panicked", "sqlx", "SELECT ", ".rs:", "/tmp/"):
        assert inside not in answer.text, f"the page shows {inside!r}"


def unknown_page(base):
    visitor = Visitor(base)
    for language, words in (("es", "No lo encontramos"), ("en", ""), ("qu", "")):
        visitor.language = language
        answer = visitor.get("/nothing/here")
        told(answer, 404)
        assert f'lang="{language}"' in answer.text and words in answer.text
    first, second = (REFERENCE.search(visitor.get("/nothing").main()).group(0) for _ in range(2))
    assert first != second, "two pages have one reference number"
    told(visitor.get("/verify/0000-0000-0000"), 404)
    told(visitor.request("/procedures", data=b"x"), 405)


def body_too_long(base):
    visitor = Visitor(base)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    told(visitor.request("/sign-in/code", data=b"a" * 700_000, headers=form), 413)
    # A sender that tells no length is cut where the limit is.
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    head = b"POST /sign-in/code HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    try:
        status = status_of(raw(base, head + chunk * 12 + b"0\r\n\r\n"))
    except (BrokenPipeError, ConnectionResetError):
        status = None
    assert status in (400, 413, None), status
    several = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(64 * 1024 * 1024)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in several.items())
    answer = raw(base, f"POST /verify HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() + b"--x\r\n")
    assert status_of(answer) == 413, answer[:200]


def head_too_long(base):
    status = status_of(raw(base, b"GET /" + b"a" * 80_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert status in (414, 431, None), status
    many = b"".join(b"X-%d: y\r\n" % at for at in range(400))
    status = status_of(raw(base, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n"))
    assert status in (431, 400, None), status


def slow_headers(base):
    host = urllib.parse.urlsplit(base)
    began = time.monotonic()
    with socket.create_connection((host.hostname, host.port), timeout=HEADERS_SECONDS + 15) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        drip = threading.Thread(target=dripping, args=(line,), daemon=True)
        drip.start()
        try:
            while line.recv(8192):
                pass
        except ConnectionResetError:
            pass
    took = time.monotonic() - began
    assert took < HEADERS_SECONDS + 10, f"{took:.0f} s"
    print(f"     a sender of one header line a second was cut after {took:.1f} s")


def dripping(line):
    try:
        for at in range(HEADERS_SECONDS * 3):
            line.sendall(b"X-%d: y\r\n" % at)
            time.sleep(1)
    except OSError:
        pass


def paths(base):
    tricks = [
        "/../settings.toml", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fpassphrase", "/assets/../../keys/store.json",
        "/assets/%2e%2e%2fpassphrase", "/log/tile/../../settings.toml", "/log/tile/%2e%2e/%2e%2e/store.db",
        "/documents/..%2f..%2fstore.db", "/documents/%00", "/verify/%00", "/verify/" + "A" * 5_000, "/procedures/..%5c..%5cx",
        "/procedures/%F0%28%8C%28", "/receipts/' OR 1=1 --", "/receipts/%25%27%3B", "/cases/../desk", "/./././nothing",
    ]  # fmt: skip
    for trick in tricks:
        answer = raw(base, f"GET {trick.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        status = status_of(answer)
        assert status in (303, 307, 400, 404, 414, 422), f"{trick[:60]}: {status}"
        assert b"BEGIN" not in answer and b"root:" not in answer and b"SQLite format" not in answer, trick
        where = re.search(rb"(?i)\r\nlocation: ([^\r]+)", answer)
        assert not where or re.match(rb"/(?!/)", where.group(1)), f"{trick}: leads to {where.group(1)}"
    answer = raw(base, b"GET //elsewhere.example/?lang=en HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    where = re.search(rb"(?i)\r\nlocation: ([^\r]+)", answer)
    assert where and re.match(rb"/(?![/\\])", where.group(1)), f"leads to another host: {where}"


def foreign_forms(base):
    visitor = Visitor(base)
    page = visitor.get("/sign-in")
    form = page.forms("/sign-in/practice")[0]
    account = re.search(r'name="account" value="([^"]+)"', page.text).group(1)
    good = {**form.values, "account": account}
    told(visitor.request("/sign-in/practice", data={"account": account}), 403)
    told(visitor.request("/sign-in/practice", data={**good, "csrf": good["csrf"][:-2] + "xx"}), 403)
    told(visitor.request("/sign-in/practice", data=good, headers={"Sec-Fetch-Site": "cross-site"}), 403)
    stolen = Visitor(base)
    stolen.get("/sign-in")
    told(stolen.request("/sign-in/practice", data=good), 403)
    answer = visitor.request("/sign-in/practice", data={**good, "next": "//elsewhere.example/"}, follow=False)
    where = answer.headers.get("Location", "")
    assert answer.status in (302, 303) and re.match(r"/(?![/\\])", where), f"{answer.status} {where}"


def not_theirs(base):
    stranger = Visitor(base)
    for place in ("/cases", "/desk", "/my-data", "/account", PROCEDURE + "/check"):
        answer = stranger.get(place, follow=False)
        where = answer.headers.get("Location", "")
        assert answer.status in (302, 303) and where.startswith("/sign-in"), f"{place}: {answer.status} {where}"
    rosa, julian = Visitor(base), Visitor(base)
    rosa.sign_in(ROSA)
    julian.sign_in(JULIAN)
    case = rosa.file(rosa.to_check(ROSA)).path.split("/")[2]
    for place in (f"/cases/{case}", f"/cases/{case}/receipt"):
        assert rosa.get(place).status == 200
        answer = julian.get(place)
        assert answer.status in (403, 404) and "Rosa" not in answer.main(), f"{place}: {answer.status}"
    for place in ("/desk", f"/desk/{case}", "/exchange/messages"):
        answer = julian.get(place)
        assert answer.status in (403, 404) and "Rosa" not in answer.main(), f"{place}: {answer.status}"


def wrong_answers(base):
    visitor = Visitor(base)
    visitor.sign_in(SATURNINA)
    page = visitor.begin()
    while not page.path.endswith("/holder"):
        form = next(form for form in page.forms() if "/form/" in form.action or not form.action)
        page = visitor.send(page, form, {**dict(form.boxes), "phone": "984000111"})
    good = own_ruc(SATURNINA)
    bad = good[:10] + str((int(good[10]) + 1) % 10)
    for typed in (bad, "1" * 5_000, "<script>alert(1)</script>", "10'--"):
        form = next(form for form in page.forms() if "ruc" in form.values)
        answer = visitor.send(page, form, {"holder": "self", "ruc": typed})
        assert answer.status == 422 and 'aria-invalid="true"' in answer.text, f"{typed[:20]}: {answer.status}"
        assert "<script>alert" not in answer.text, "typed text came back as markup"
        if len(typed) < 100:
            again = next(form for form in answer.forms() if "ruc" in form.values)
            assert again.values["ruc"] == typed, f"what was typed is lost: {again.values['ruc']!r}"
    form = next(form for form in page.forms() if "ruc" in form.values)
    assert visitor.send(page, form, {"holder": "self", "ruc": good}).path != page.path


def sent_twice(base):
    visitor = Visitor(base)
    visitor.sign_in(ELENA)
    page = visitor.to_check(ELENA)
    receipts = [None] * 6

    def send(at):
        receipts[at] = visitor.file(page)

    threads = [threading.Thread(target=send, args=(at,)) for at in range(len(receipts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts.append(visitor.file(page))
    found = {(number_of(receipt), receipt.path) for receipt in receipts}
    assert len(found) == 1, f"one form, several receipts: {found}"
    number = found.pop()[0]
    listed = re.findall(r"EXP-\d{6}-\d{4}", visitor.get("/cases").main())
    assert listed.count(number) == 1 and len(listed) == 1, f"one form, several cases: {listed}"
    other = {**filing_form(page).values, "token": "not-a-token-of-this-form"}
    answer = visitor.request(PROCEDURE + "/file", data=other)
    assert answer.status != 500, answer.main()[:200]


def many_lines(base):
    host = urllib.parse.urlsplit(base)
    idle = [socket.create_connection((host.hostname, host.port)) for _ in range(IDLE_CONNECTIONS)]
    began = time.monotonic()
    assert Visitor(base).get("/procedures").status == 200
    took = time.monotonic() - began
    for line in idle:
        line.close()
    print(f"     a page in {took * 1000:.0f} ms beside {IDLE_CONNECTIONS} idle connections")


def garbage(base):
    from visitor import chance

    dice = chance(7)
    for turn in range(60):
        noise = dice.randbytes(dice.randrange(1, 4_000))
        raw(base, noise + (b"\r\n\r\n" if turn % 2 else b""), seconds=0.3)
    raw(base, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", seconds=1)
    raw(base, b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", seconds=1)
    assert Visitor(base).get("/health").status == 200


def too_many(base):
    """Last, because it empties the bucket of this machine."""
    visitor, statuses, last = Visitor(base), {}, None

    def ask():
        nonlocal last
        for _ in range(120):
            answer = Visitor(base).get("/procedures")
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status == 429:
                last = answer

    threads = [threading.Thread(target=ask) for _ in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    assert set(statuses) == {200, 429}, f"{statuses} in {took:.1f} s"
    told(last, 429)
    assert visitor.get("/assets/nothing").status == 404, "what every page needs is not counted"
    time.sleep(3)
    assert visitor.get("/procedures").status == 200, "after a pause the client is let in again"
    print(f"     {sum(statuses.values())} requests in {took:.1f} s: {statuses}")


TESTS = [
    unknown_page, body_too_long, head_too_long, paths, foreign_forms, not_theirs, wrong_answers, sent_twice, garbage,
    many_lines, slow_headers, too_many,
]  # fmt: skip


def main():
    base, failed = sys.argv[1], 0
    for test in TESTS:
        try:
            test(base)
            print(f"ok   {test.__name__.replace('_', ' ')}", flush=True)
        except (AssertionError, OSError) as problem:
            failed += 1
            print(f"FAILED {test.__name__}: {problem}", flush=True)
    sys.exit(1 if failed else 0)


main()
