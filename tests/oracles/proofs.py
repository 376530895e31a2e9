"""Checks log proofs (C2SP tlog-proof) without any of our own code: notes, RFC 6962 inclusion, Ed25519, commitments.

    python proofs.py LOG-KEYS.txt PROOF...

Written from the specifications (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof; RFC 6962 section 2.1.1).
"""

import base64
import hashlib
import hmac
import json
import struct
import sys
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NOTE, COSIGNATURE = 1, 4
DASH = "\u2014 "


def sha256(data):
    return hashlib.sha256(data).digest()


class Key:
    """A verifier key line: name+hash+base64(algorithm || public key)."""

    def __init__(self, line):
        self.name, told, body = line.split("+", 2)
        raw = base64.b64decode(body, validate=True)
        self.kind, public = raw[0], raw[1:]
        self.id = sha256(self.name.encode() + b"\n" + raw)[:4]
        if self.id.hex() != told:
            raise ValueError(f"{self.name}: the key's own hash is {self.id.hex()}, not {told}")
        self.public = Ed25519PublicKey.from_public_bytes(public)

    def verify(self, text, signature):
        """Whether the signature (without the key's id) holds over the note's text; the moment of a cosignature, or 0."""
        if self.kind == NOTE:
            self.public.verify(signature, text)
            return 0
        (seconds,) = struct.unpack(">Q", signature[:8])
        self.public.verify(signature[8:], b"cosignature/v1\ntime %d\n" % seconds + text)
        return seconds


def read_keys(path):
    with open(path, encoding="utf-8") as lines:
        return [Key(line.strip()) for line in lines if line.strip() and not line.startswith("#")]


def split_note(note):
    text, _, rest = note.rpartition("\n\n")
    text += "\n"
    signatures = []
    for line in rest.splitlines():
        if not line.startswith(DASH):
            raise ValueError(f"not a signature line: {line!r}")
        name, body = line[len(DASH) :].rsplit(" ", 1)
        raw = base64.b64decode(body, validate=True)
        signatures.append((name, raw[:4], raw[4:]))
    return text, signatures


def root_from_path(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2 (the same tree as RFC 6962): the root that this audit path leads to."""
    node, last, hash_ = index, size - 1, leaf
    if index >= size:
        raise ValueError("the index lies outside of the tree")
    for sibling in path:
        if last == 0:
            raise ValueError("the path is too long")
        if node & 1 or node == last:
            hash_ = sha256(b"\x01" + sibling + hash_)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            hash_ = sha256(b"\x01" + hash_ + sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return hash_


def commitment(told, salt, digest):
    """The public entry commits to the digest of what it proves: HMAC-SHA-256 under a salt that comes with the proof."""
    if hmac.new(salt, b"digest\0" + digest, hashlib.sha256).hexdigest() != told:
        raise ValueError("the entry does not commit to this digest")


def check(text, keys):
    head, note = text.split("\n\n", 1)
    magic, extra, index, *path = head.split("\n")
    if magic != "c2sp.org/tlog-proof@v1":
        raise ValueError("not a tlog-proof")
    index = int(index.removeprefix("index "))
    path = [base64.b64decode(line, validate=True) for line in path]
    entry = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
    note_text, signatures = split_note(note)
    origin, size, root = note_text.splitlines()[:3]
    logs, witnesses = 0, []
    for name, id_, signature in signatures:
        for key in keys:
            if (key.name, key.id) == (name, id_):
                moment = key.verify(note_text.encode(), signature)
                if key.kind == NOTE and name == origin:
                    logs += 1
                elif key.kind == COSIGNATURE:
                    witnesses.append((name, moment))
    if logs != 1 or not witnesses:
        raise ValueError(f"{logs} signatures of the log, {len(witnesses)} of witnesses")
    leaf = entry["leaf"].encode()
    if root_from_path(sha256(b"\x00" + leaf), index, int(size), path) != base64.b64decode(root, validate=True):
        raise ValueError("the entry is not under the signed root")
    commitment(json.loads(leaf)["digest"], bytes.fromhex(entry["salt"]), bytes.fromhex(entry["digest"]))
    return f"entry {index} of {size} in {origin}, cosigned by {witnesses[0][0]}", entry["digest"]


def beside(path, digest):
    """What a question's proof proves are the signatures of the question and of its answer, in the containers beside it."""
    stem = path.removesuffix(".tlog-proof").rsplit("-", 1)[0]
    digests = []
    for half in ("question", "answer"):
        with zipfile.ZipFile(f"{stem}-{half}.asice") as archive:
            digests.append(hashlib.sha256(archive.read("META-INF/signatures.xml")).digest())
    if hashlib.sha256(b"".join(digests)).hexdigest() != digest:
        raise ValueError(f"{stem}: its signatures are not what was entered")
    return "of the signatures in " + stem.rsplit("/", 1)[-1]


def main():
    keys = read_keys(sys.argv[1])
    failed = 0
    for path in sys.argv[2:]:
        name = path.rsplit("/", 1)[-1]
        try:
            with open(path, encoding="utf-8") as proof:
                told, digest = check(proof.read(), keys)
            print(f"{name}: {told}, {beside(path, digest)}")
        except (OSError, ValueError, KeyError, InvalidSignature) as problem:
            failed += 1
            print(f"{name}: WRONG {problem or type(problem).__name__}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
