"""The first administrator of a new body signs in with the one-time code that `init` printed.

    python newcomer.py BASE NUMBER CODE
"""

import sys

from visitor import Visitor


def main():
    base, number, code = sys.argv[1:]
    visitor = Visitor(base)
    page = visitor.get("/sign-in")
    form = page.forms("/sign-in/code")[0]
    wrong = visitor.send(page, form, {"number": number, "code": "00000000"})
    assert wrong.status in (400, 422), f"a wrong code: {wrong.status} {wrong.path}"
    kept = wrong.forms("/sign-in/code")[0].values
    assert kept["number"] == number and kept["code"] != "00000000", "the number stays in the form, the code does not"
    answer = visitor.send(page, form, {"number": number, "code": code, "next": "/desk"})
    assert (answer.status, answer.path) == (200, "/desk"), f"{answer.status} {answer.path} {answer.main()[:400]}"
    again = Visitor(base)
    page = again.get("/sign-in")
    second = again.send(page, again.get("/sign-in").forms("/sign-in/code")[0], {"number": number, "code": code})
    assert second.status in (400, 422), f"a one-time code was good twice: {second.status}"
    assert Visitor(base).get("/sign-in").forms("/sign-in/practice") == [], "a real body offers to practise as anybody"


main()
