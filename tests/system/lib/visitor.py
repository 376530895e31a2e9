"""A citizen without script: cookies, redirects and the forms that the pages really hold. For the system tests.

Every request goes over a fresh connection, so that a server which was killed meanwhile is met at once.
"""

import http.client
import http.cookiejar
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

PROCEDURE = "/procedures/licencia-de-funcionamiento"
# People of the simulated country with a RUC of their own; see town/src/stories.rs.
ROSA, JULIAN, ELENA, SATURNINA = "99000011", "99000022", "99000033", "99000044"
ROSA_RUC = "20999000011"
TIMEOUT = 60
STEPS_MAX = 20


def own_ruc(dni):
    """RUC 10 of a person, with the check digit as SUNAT reckons it."""
    body = "10" + dni
    total = sum(weight * int(digit) for weight, digit in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), body))
    return body + str((11 - total % 11) % 10)


class Form:
    def __init__(self, action, method):
        self.action, self.method = action, method
        self.values, self.choices, self.buttons, self.boxes = {}, {}, [], []

    def __repr__(self):
        return f"<form {self.method} {self.action} {self.values} {self.choices}>"


class Forms(HTMLParser):
    """The forms of a page: hidden and typed values, radio choices, boxes, named buttons."""

    def __init__(self, text):
        super().__init__()
        self.all, self.form, self.area, self.select = [], None, None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag == "form":
            self.form = Form(told.get("action", ""), told.get("method", "get"))
            self.all.append(self.form)
        if self.form is None:
            return
        name, value = told.get("name"), told.get("value") or ""
        if tag == "input" and name:
            kind = told.get("type", "text")
            if kind == "radio":
                self.form.choices.setdefault(name, []).append(value)
                if "checked" in told:
                    self.form.values[name] = value
            elif kind == "checkbox":
                self.form.boxes.append((name, value or "on"))
            elif kind != "file":
                self.form.values[name] = value
        elif tag == "button" and name:
            self.form.buttons.append((name, value))
        elif tag == "textarea" and name:
            self.area = name
            self.form.values[name] = ""
        elif tag == "select" and name:
            self.select = name
        elif tag == "option" and self.select:
            self.form.choices.setdefault(self.select, []).append(value)

    def handle_data(self, text):
        if self.form is not None and self.area:
            self.form.values[self.area] += text

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None


class Answer:
    def __init__(self, status, url, headers, body):
        self.status, self.url, self.headers, self.body = status, url, headers, body
        self.path = urllib.parse.urlsplit(url).path

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def forms(self, action=None):
        found = Forms(self.text).all
        return [form for form in found if action is None or form.action.split("?")[0] == action]

    def main(self):
        text = re.sub(r"<[^>]+>", " ", self.text.split("<main", 1)[-1].split("</main>", 1)[0])
        return " ".join(text.split())


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Visitor:
    def __init__(self, base, language="es"):
        self.base = base.rstrip("/")
        self.cookies = http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self.cookies)
        direct = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(direct, cookies)
        self.still = urllib.request.build_opener(direct, cookies, NoRedirect())
        self.language = language

    def request(self, path, data=None, headers=None, follow=True):
        """Any HTTP status is an answer; only a broken connection raises (OSError)."""
        told = {"Accept-Language": self.language, "Accept": "text/html", **(headers or {})}
        body = urllib.parse.urlencode(data).encode() if isinstance(data, (dict, list)) else data
        request = urllib.request.Request(urllib.parse.urljoin(self.base + "/", path), body, told)
        opener = self.opener if follow else self.still
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                return Answer(answer.status, answer.url, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(answer.code, answer.url, answer.headers, answer.read())
        except (http.client.HTTPException, urllib.error.URLError) as problem:
            raise OSError(f"{path}: {problem}") from problem

    def get(self, path, **more):
        return self.request(path, **more)

    def send(self, page, form, changes=None, follow=True):
        values = {**form.values, **(changes or {})}
        headers = {"Referer": page.url}
        return self.request(urllib.parse.urljoin(page.url, form.action or page.path), values, headers, follow)

    def sign_in(self, dni):
        """By the practice sign-in, which only a simulated country has."""
        page = self.get("/sign-in")
        card = next((part for part in page.text.split("<li") if f">{dni}<" in part), None)
        assert card, f"{dni} is not among the people to practise as: {page.status} {page.main()[:300]}"
        account = re.search(r'name="account" value="([^"]+)"', card).group(1)
        form = page.forms("/sign-in/practice")[0]
        answer = self.send(page, form, {"account": account})
        assert answer.status == 200, f"sign-in: {answer.status} {answer.main()[:300]}"

    def begin(self):
        page = self.get(PROCEDURE + "/start")
        assert page.status == 200 and page.path.startswith(PROCEDURE), f"{page.status} {page.path} {page.main()[:300]}"
        return page

    def fill(self, page, answers):
        """From wherever the form stands to the check-answers page."""
        for _ in range(STEPS_MAX):
            if page.path.endswith("/check"):
                return page
            assert page.status == 200, f"{page.path}: {page.status}: {page.main()[:300]}"
            form = next(form for form in page.forms() if "/form/" in (form.action or page.path) and form.method == "post"
                        and not form.action.startswith("/sign-"))
            known = {**form.values, **dict(form.boxes)}
            given = {name: answers[name] for name in {*form.values, *form.choices} if name in answers}
            before = page.path
            page = self.send(page, form, {**known, **given})
            assert page.path != before, f"{before} was not accepted ({page.status}): {page.main()[:600]}"
        raise AssertionError("the form has no end")

    def to_check(self, dni):
        return self.fill(self.begin(), answers_of(dni))

    def file(self, page):
        """Sends the check-answers page; the receipt's page."""
        return self.send(page, filing_form(page))


def filing_form(page):
    return next(form for form in page.forms(PROCEDURE + "/file"))


def answers_of(dni):
    firm = dni == ROSA
    return {
        "holder": "firm" if firm else "self",
        "ruc": ROSA_RUC if firm else own_ruc(dni),
        "trade-name": "Sumaq Mikhuna" if firm else "Taller Rumira",
        "activity": "restaurante" if firm else "taller",
        "area": "85",
        "floors": "1",
        "capacity": "40",
        "place-address": "Calle del Medio 105",
        "place-tenure": "rented",
        "monument": "no",
        "phone": "984000111",
    }


def number_of(receipt):
    """The number on a receipt's page."""
    found = re.search(r"EXP-\d{6}-\d{4}", receipt.main())
    assert receipt.status == 200 and found, f"no receipt: {receipt.status} {receipt.path} {receipt.main()[:400]}"
    return found.group(0)


def wait_for(base, seconds=60, path="/health"):
    """Until the address answers again."""
    end = time.monotonic() + seconds
    while True:
        try:
            if Visitor(base).get(path).status < 500:
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise AssertionError(f"{base}{path} did not answer in {seconds} s")
        time.sleep(0.05)


def chance(seed):
    return random.Random(seed)
