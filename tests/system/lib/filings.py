"""Files COUNT licences by the real pages and prints of each: number, case, code of the receipt.

    python filings.py BASE COUNT
"""

import re
import sys

from visitor import ELENA, JULIAN, ROSA, Visitor, number_of


def main():
    base, count = sys.argv[1], int(sys.argv[2])
    people = [(dni, Visitor(base)) for dni in (ROSA, JULIAN, ELENA)]
    for dni, visitor in people:
        visitor.sign_in(dni)
    for turn in range(count):
        dni, visitor = people[turn % len(people)]
        receipt = visitor.file(visitor.to_check(dni))
        number = number_of(receipt)
        code = re.search(r'href="(?:https?://[^/"]+)?/receipts/([0-9A-Za-z-]+)"', receipt.text)
        assert code, f"no code on the receipt of {number}"
        print(number, receipt.path.split("/")[2], code.group(1), flush=True)


main()
