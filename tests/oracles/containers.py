"""Recomputes what lies between the signature and the message of a container: X-Road's two hash chains.

    python containers.py FOLDER...      folders of unzipped containers

The signature covers sig-hashchainresult.xml, whose chain ends in message.xml and the attachments; the time stamp covers
ts-hashchainresult.xml, whose chain ends in the signature. Written from the specification, with none of our own code.
"""

import base64
import hashlib
import os
import sys
from xml.etree import ElementTree

HC = "{http://cyber.ee/hashchain}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
# X-Road takes either method, by its name; a time stamp's chain states digests that the journal keeps.
METHODS = {"http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512, "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256}


def der(tag, body):
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


class Chain:
    """One hash chain document within a folder; `seen` gathers the files that it covers."""

    def __init__(self, folder, name):
        self.folder, self.seen = folder, set()
        document = ElementTree.parse(os.path.join(folder, name)).getroot()
        method = document.find(HC + "DefaultDigestMethod").get("Algorithm")
        if method not in METHODS:
            raise ValueError(f"{name}: digests by {method}")
        self.method = method
        self.steps = {step.get("id"): step for step in document.findall(HC + "HashStep")}

    def digest(self, data):
        return METHODS[self.method](data).digest()

    def step(self, name):
        parts = b""
        for part in self.steps.pop(name):
            told = part.find(DS + "DigestValue")
            told = base64.b64decode(told.text) if told is not None else None
            uri = part.get("URI")
            if part.tag == HC + "HashValue":
                value = told
            elif part.tag == HC + "StepRef":
                value = self.step(uri.removeprefix("#"))
            else:
                self.seen.add(uri.removeprefix("/"))
                with open(os.path.join(self.folder, uri.removeprefix("/")), "rb") as data:
                    value = self.digest(data.read())
            if told is not None and told != value:
                raise ValueError(f"{uri}: another digest than the chain states")
            parts += der(0x30, der(0x04, value) + der(0x0C, self.method.encode()) + der(0x30, b""))
        return self.digest(der(0x30, parts))


def covered(folder, kind):
    """The files that a chain result covers, once every digest between them was recomputed."""
    result = ElementTree.parse(os.path.join(folder, f"{kind}-hashchainresult.xml")).getroot()
    name, _, step = result.get("URI").removeprefix("/").partition("#")
    chain = Chain(folder, name)
    if chain.step(step) != base64.b64decode(result.find(DS + "DigestValue").text):
        raise ValueError(f"{kind}: the chain leads to another result")
    if chain.steps:
        raise ValueError(f"{kind}: unused steps {sorted(chain.steps)}")
    return chain.seen


def check(folder):
    files = {name for name in os.listdir(folder) if name.startswith("attachment")} | {"message.xml"}
    if covered(folder, "sig") != files:
        raise ValueError("the signature's chain does not cover every part of the message")
    if covered(folder, "ts") != {"META-INF/signatures.xml"}:
        raise ValueError("the time stamp's chain does not end in the signature")


def main():
    failed = 0
    for folder in sys.argv[1:]:
        try:
            check(folder)
        except Exception as problem:  # whatever stops an independent judge is a finding
            failed += 1
            print(f"{os.path.basename(folder)}: WRONG {type(problem).__name__}: {problem}")
    sys.exit(1 if failed else 0)


main()
