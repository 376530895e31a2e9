"""Files while the disk fills up, and again when there is room: what was acknowledged is there, what failed is not.

    python full_disk.py BASE FOLDER
"""

import os
import re
import sys
import time

from visitor import ROSA, Visitor, number_of

FILLING = "filling"
TRIES = 12


def fill(folder):
    """Writes until nothing more fits."""
    with open(os.path.join(folder, FILLING), "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 14, 1 << 9, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass


def main():
    base, folder = sys.argv[1:]
    visitor = Visitor(base)
    visitor.sign_in(ROSA)
    acknowledged = [number_of(visitor.file(visitor.to_check(ROSA)))]
    page = visitor.to_check(ROSA)
    fill(folder)
    refused = 0
    for _ in range(TRIES):
        answer = visitor.file(page)
        if answer.status == 200 and re.search(r"EXP-\d{6}-\d{4}", answer.main()):
            acknowledged.append(number_of(answer))
            page = visitor_try(visitor)
            if page is None:
                refused += 1
                break
            continue
        assert answer.status >= 500, f"{answer.status}: {answer.main()[:300]}"
        assert re.search(r"\b[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b", answer.main()), "no reference number"
        assert "SQLITE" not in answer.text and "database or disk is full" not in answer.text
        refused += 1
    assert refused, f"the disk was never full: {acknowledged}"
    status = visitor.get("/procedures").status
    assert status == 200, f"reading needs no room, and yet {status}"
    os.remove(os.path.join(folder, FILLING))
    end = time.monotonic() + 30
    while True:
        page = visitor_try(visitor)
        receipt = visitor.file(page) if page else None
        if receipt is not None and receipt.status == 200:
            acknowledged.append(number_of(receipt))
            break
        assert time.monotonic() < end, "nothing can be filed after there is room again"
        time.sleep(0.5)
    acknowledged = list(dict.fromkeys(acknowledged))
    listed = sorted(set(re.findall(r"EXP-\d{6}-\d{4}", visitor.get("/cases").main())))
    assert listed == sorted(acknowledged), f"acknowledged {acknowledged}, there are {listed}"
    print(f"     {len(acknowledged)} filings acknowledged, {refused} refused with a clear page while the disk was full")


def visitor_try(visitor):
    try:
        return visitor.to_check(ROSA)
    except (AssertionError, StopIteration):
        return None


main()
