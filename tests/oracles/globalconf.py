"""Reads a signed global configuration as PR-GCONF says, sharing no code with the program; openssl verifies.

usage: globalconf.py BASE_URL ANCHOR.xml FOLDER

Fetches internal and external configuration of every version that BASE_URL has, takes the signed bytes out of the text by
hand, lets openssl verify them with the key of the anchor's certificate, checks each file's digest, and leaves the files of
the newest version in FOLDER. Then every part is changed in turn, and openssl must say no."""
import base64, hashlib, pathlib, re, subprocess, sys, urllib.error, urllib.request
import xml.etree.ElementTree as ET

base, anchor_file, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
HASHES = {"http://www.w3.org/2001/04/xmlenc#sha512": "sha512", "http://www.w3.org/2001/04/xmlenc#sha256": "sha256"}


def fetch(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.code


def keys_of(anchor):
    root = ET.fromstring(anchor)
    assert root.tag == "{http://x-road.eu/xsd/xroad.xsd}configurationAnchor", root.tag
    return [base64.b64decode(cert.text) for cert in root.iter("verificationCert")], root.find("source/downloadURL").text


def split(text):
    """The signed bytes, the header-only part and files, and the signature part."""
    outer = re.match(rb"Content-Type: multipart/related; .*?boundary=(\w+)\r\n\r\n", text)
    first, second = text[outer.end():].split(b"--" + outer[1] + b"\r\n")[1:]
    head, signed = first.split(b"\r\n\r\n", 1)
    signed = signed[:-2]  # the line end belongs to the delimiter
    inner = re.search(rb"boundary=(\w+)", head)[1]
    assert signed.endswith(b"--" + inner + b"--\r\n")
    return signed, signed.split(b"--" + inner)[1:-1], second


def headers(part):
    lines = part.decode().strip("\r\n").split("\r\n\r\n")
    pairs = dict(line.split(": ", 1) for line in lines[0].split("\r\n"))
    return {name.lower(): value for name, value in pairs.items()}, lines[1] if len(lines) > 1 else ""


def verifies(signed, value, cert):
    for name, data in (("signed", signed), ("value", value), ("cert.der", cert)):
        (folder / name).write_bytes(data)
    public = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", folder / "cert.der", "-pubkey", "-noout"], capture_output=True, check=True)
    (folder / "public.pem").write_bytes(public.stdout)
    done = subprocess.run(["openssl", "dgst", "-sha512", "-verify", folder / "public.pem", "-signature", folder / "value", folder / "signed"], capture_output=True)
    return done.returncode == 0


versions = []
certs, url = keys_of(pathlib.Path(anchor_file).read_bytes())
assert url == base + "/internalconf", url
for version in range(7, 1, -1):
    text = fetch(f"{base}/internalconf?version={version}")
    if text == 404:
        continue
    versions.append(version)
    signed, parts, signature = split(text)
    told, value = headers(signature)
    value = base64.b64decode(value.split("\r\n")[0])
    named, algorithm = told["verification-certificate-hash"].split("; hash-algorithm-id=")
    hasher = HASHES[algorithm.strip('"')]
    cert = next(cert for cert in certs if base64.b64encode(hashlib.new(hasher, cert).digest()).decode() == named)
    assert told["signature-algorithm-id"].endswith("rsa-sha512"), told
    assert verifies(signed, value, cert), f"openssl refuses version {version}"
    for at in range(0, len(signed), max(1, len(signed) // 40)):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1:]
        assert not verifies(changed, value, cert), f"openssl takes a changed byte {at}"
    head, _ = headers(parts[0])
    assert head["version"] == str(version) and head["expire-date"].endswith("Z"), head
    names = set()
    for part in parts[1:]:
        told, digest = headers(part)
        names.add(told["content-identifier"].split(";")[0])
        content = fetch(base + told["content-location"])
        assert base64.b64encode(hashlib.new(HASHES[told["hash-algorithm-id"]], content).digest()).decode() == digest.strip()
        if version == versions[0]:
            (folder / told["content-location"].rsplit("/", 1)[1]).write_bytes(content)
    assert names == {"PRIVATE-PARAMETERS", "SHARED-PARAMETERS"}, names
    external = fetch(f"{base}/externalconf?version={version}")
    assert b"PRIVATE-PARAMETERS" not in external and b"SHARED-PARAMETERS" in external
assert 7 not in versions and versions[:4] == [6, 5, 4, 3], versions
assert fetch(f"{base}/internalconf?version=1") == 404
assert fetch(f"{base}/V6/0000/shared-params.xml") == 404
print("versions", *versions)
