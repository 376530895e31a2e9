"""Asserts something of the last answer that curl left in FOLDER.

    python expect.py FOLDER EXPRESSION...

In an expression: `status`, `head` (lower-case names; repeated ones joined by ' | '), `body` (bytes), `told` (the body as
JSON), `sent` (the headers that the provider says it received, the same way).
"""

import json
import sys

folder, expressions = sys.argv[1], sys.argv[2:]


def joined(pairs):
    names = {}
    for name, value in pairs:
        names.setdefault(name.lower(), []).append(value.strip())
    return {name: " | ".join(values) for name, values in names.items()}


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


# Interim answers (100 Continue) come first; the last head counts.
last = open(f"{folder}/head", encoding="latin-1").read().replace("\r\n", "\n").strip().split("\n\n")[-1]
lines = last.split("\n")
status = int(lines[0].split()[1])
head = joined(line.split(":", 1) for line in lines[1:])
body = open(f"{folder}/body", "rb").read()
told = parsed(body)
sent = joined(told.get("headers", [])) if isinstance(told, dict) else {}
known = {"status": status, "head": head, "body": body, "told": told, "sent": sent, "json": json}
for expression in expressions:
    if not eval(expression, known):
        print(f"     not so: {expression}\n     {last}\n     {body[:600]!r}\n     sent: {sent}")
        sys.exit(1)
