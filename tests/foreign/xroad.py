"""A small X-Road message node in Python, written from the protocol's documents and sharing no code with the program.

It signs, frames, verifies and reads REST messages (PR-MESSTRANSP 3, XAdES with inclusive C14N, hash chains) with
`cryptography` and `lxml`, and speaks TLS with Python's own OpenSSL. Tests use it as the stranger at the other end.
"""
import base64
import datetime
import hashlib
import os
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
ASIC = "http://uri.etsi.org/02918/v1.2.1#"
CHAIN = "http://cyber.ee/hashchain"
SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
RSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
ECDSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"
POLICY_HASH = "BuO0EDNfkxSVlUbxCzmQPzX1AUF1/xx9ytWHk3/6SAOePxQiniEfDYk+90QeYb3lWpV3Izhuz9fKaYyE+lTcXw=="


def sha512(data):
    return hashlib.sha512(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# --- message parts

def request_part(method, target, headers):
    lines = [method, target] + [f"{name}:{value}" for name, value in headers]
    return "".join(line + "\r\n" for line in lines).encode()


def response_part(status, reason, headers):
    return request_part(str(status), reason, headers)


def read_part(data):
    lines = data.decode().split("\r\n")
    pairs = [line.split(":", 1) for line in lines[2:] if line]
    return lines[0], lines[1], [(name.lower(), value) for name, value in pairs]


def header(headers, name):
    found = [value for known, value in headers if known == name]
    return found[-1] if found else None


def request_hash(rest, body):
    return b64(sha512(sha512(rest) + sha512(body)) if body else sha512(rest))


# --- hash chain: a step's value is the digest of DER SEQUENCE OF {OCTET STRING, UTF8String, SEQUENCE {}}

def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + content


def step_value(digests):
    one = lambda digest: der(0x30, der(4, digest) + der(12, SHA512.encode()) + der(0x30, b""))
    return sha512(der(0x30, b"".join(one(digest) for digest in digests)))


def build_chain(parts):
    refs = "".join(
        f'<DataRef URI="{name}"><ds:DigestValue>{b64(sha512(data))}</ds:DigestValue></DataRef>' for name, data in parts)
    chain = (f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<HashChain xmlns="{CHAIN}" xmlns:ds="{DS}">'
             f'<DefaultDigestMethod Algorithm="{SHA512}"/><HashStep id="STEP0">{refs}</HashStep></HashChain>')
    top = step_value([sha512(data) for _, data in parts])
    result = (f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<HashChainResult xmlns="{CHAIN}" xmlns:ds="{DS}" '
              f'URI="/sig-hashchain.xml#STEP0"><ds:DigestMethod Algorithm="{SHA512}"/>'
              f'<ds:DigestValue>{b64(top)}</ds:DigestValue></HashChainResult>')
    return result.encode(), chain.encode()


def check_chain(result, chain, parts):
    """Walks the chain from STEP0; every given part must be covered by its own digest."""
    steps = {step.get("id"): step for step in etree.fromstring(chain).findall(f"{{{CHAIN}}}HashStep")}
    known, used = dict(parts), set()

    def value(step):
        digests = []
        for item in steps[step]:
            kind, uri = etree.QName(item).localname, item.get("URI")
            if kind == "StepRef":
                digests.append(value(uri.lstrip("#")))
                continue
            digest = base64.b64decode(item.findtext(f"{{{DS}}}DigestValue"))
            if kind == "DataRef" and uri in known:
                assert sha512(known[uri]) == digest, f"{uri} has another digest"
                used.add(uri)
            digests.append(digest)
        return step_value(digests)

    root = etree.fromstring(result)
    top = value(root.get("URI").split("#")[1])
    assert top == base64.b64decode(root.findtext(f"{{{DS}}}DigestValue")), "the chain does not lead to its result"
    assert used == set(known), f"not covered: {set(known) - used}"


# --- signature

def subtree(root, path):
    """The inclusive canonical form of one element with the namespaces of its ancestors in scope."""
    found = root.find(path)
    return etree.tostring(found, method="c14n", exclusive=False)


def sign(key, certificate, parts, ocsp):
    """`parts` are (name, bytes), the message first. Gives signature, chain result, chain (the last two or None)."""
    result = chain = None
    name, data, mime = parts[0][0], parts[0][1], "text/xml"
    if len(parts) > 1:
        result, chain = build_chain(parts)
        name, data, mime = "/sig-hashchainresult.xml", result, "application/hash-chain-result"
    method = RSA_SHA512 if isinstance(key, rsa.RSAPrivateKey) else ECDSA_SHA512
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    encoded = certificate.public_bytes(encoding=_der())
    digest = f'<ds:DigestMethod Algorithm="{SHA512}"/><ds:DigestValue>%s</ds:DigestValue>'
    answers = "".join(
        f'<xades:EncapsulatedOCSPValue Id="ocsp-response-{at}">{b64(one)}</xades:EncapsulatedOCSPValue>'
        for at, one in enumerate(ocsp, 1))
    text = (
        f'<asic:XAdESSignatures xmlns:asic="{ASIC}" xmlns:ds="{DS}" xmlns:xades="{XADES}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><ds:Signature Id="signature"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{C14N}"/><ds:SignatureMethod Algorithm="{method}"/>'
        f'<ds:Reference Id="signature-reference-0" URI="{name}">{digest % b64(sha512(data))}</ds:Reference>'
        f'<ds:Reference Id="signature-reference-1" Type="http://uri.etsi.org/01903#SignedProperties" '
        f'URI="#signed-properties">{digest % "PROPERTIES"}</ds:Reference></ds:SignedInfo>'
        '<ds:SignatureValue Id="signature-value">VALUE</ds:SignatureValue><ds:KeyInfo><ds:X509Data>'
        f'<ds:X509Certificate>{b64(encoded)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object>'
        '<xades:QualifyingProperties Target="#signature"><xades:SignedProperties Id="signed-properties">'
        f'<xades:SignedSignatureProperties><xades:SigningTime>{now}</xades:SigningTime><xades:SigningCertificate>'
        f'<xades:Cert><xades:CertDigest>{digest % b64(sha512(encoded))}</xades:CertDigest><xades:IssuerSerial>'
        f'<ds:X509IssuerName>{certificate.issuer.rfc4514_string()}</ds:X509IssuerName>'
        f'<ds:X509SerialNumber>{certificate.serial_number}</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert>'
        '</xades:SigningCertificate><xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>'
        '<xades:Identifier Qualifier="OIDAsURN">urn:oid:1.3.6.1.4.1.3516.16.2</xades:Identifier>'
        '<xades:Description>Profile for High Performance Digital Signatures (version 1.2)</xades:Description>'
        f'</xades:SigPolicyId><xades:SigPolicyHash>{digest % POLICY_HASH}</xades:SigPolicyHash>'
        '<xades:SigPolicyQualifiers><xades:SigPolicyQualifier>'
        '<xades:SPURI>https://repo.cyber.ee/dsig-profile-1.2.pdf</xades:SPURI></xades:SigPolicyQualifier>'
        '</xades:SigPolicyQualifiers></xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>'
        '</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>'
        f'<xades:DataObjectFormat ObjectReference="#signature-reference-0"><xades:MimeType>{mime}</xades:MimeType>'
        '</xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>'
        '<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:RevocationValues><xades:OCSPValues>'
        f'{answers}</xades:OCSPValues></xades:RevocationValues></xades:UnsignedSignatureProperties>'
        '</xades:UnsignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>')
    properties = subtree(etree.fromstring(text), f".//{{{XADES}}}SignedProperties")
    text = text.replace("PROPERTIES", b64(sha512(properties)))
    signed = subtree(etree.fromstring(text), f".//{{{DS}}}SignedInfo")
    if method == RSA_SHA512:
        value = key.sign(signed, padding.PKCS1v15(), hashes.SHA512())
    else:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA512())))
        width = (key.curve.key_size + 7) // 8
        value = r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return text.replace(">VALUE<", f">{b64(value)}<").encode(), result, chain


def verify(signature, result, chain, parts):
    """Verifies what a peer signed over `parts`; gives the signer's certificate."""
    root = etree.fromstring(signature)
    certificate = x509.load_der_x509_certificate(base64.b64decode(root.findtext(f".//{{{DS}}}X509Certificate")))
    data = dict(parts)
    if result:
        data["/sig-hashchainresult.xml"] = result
    direct = set()
    for reference in root.findall(f".//{{{DS}}}SignedInfo/{{{DS}}}Reference"):
        uri = reference.get("URI")
        if uri.startswith("#"):
            owner = [node for node in root.iter() if isinstance(node.tag, str) and node.get("Id") == uri[1:]]
            assert len(owner) == 1, "an Id twice"
            transforms = [one.get("Algorithm") for one in reference.iter(f"{{{DS}}}Transform")]
            content = etree.tostring(owner[0], method="c14n", exclusive=any("exc-c14n" in one for one in transforms))
        else:
            content = data[uri]
            direct.add(uri)
        assert reference.find(f"{{{DS}}}DigestMethod").get("Algorithm") == SHA512
        stated = base64.b64decode(reference.findtext(f"{{{DS}}}DigestValue"))
        assert sha512(content) == stated, f"digest of {uri}"
    if "/sig-hashchainresult.xml" in direct:
        check_chain(result, chain, parts)
    else:
        assert direct == set(dict(parts)), f"signed: {direct}"
    info = root.find(f".//{{{DS}}}SignedInfo")
    method = info.find(f"{{{DS}}}CanonicalizationMethod").get("Algorithm")
    signed = etree.tostring(info, method="c14n", exclusive="exc-c14n" in method)
    value = base64.b64decode(root.findtext(f".//{{{DS}}}SignatureValue"))
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, signed, padding.PKCS1v15(), hashes.SHA512())
    else:
        half = len(value) // 2
        numbers = [int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")]
        key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA512()))
    return certificate


def _der():
    from cryptography.hazmat.primitives.serialization import Encoding
    return Encoding.DER


# --- frame

TYPES = {
    "ocsp": "application/ocsp-response",
    "request": "application/x-road-rest-request",
    "response": "application/x-road-rest-response",
    "body": "application/x-road-rest-body",
    "result": "application/hash-chain-result",
    "chain": "application/hash-chain",
    "signature": "signature/bdoc-1.0/ts",
}


def new_boundary():
    return "xtop" + "".join(chr(97 + byte % 26) for byte in os.urandom(30))


def frame(parts, boundary):
    out = b""
    for kind, data in parts:
        out += f"\r\n--{boundary}\r\nContent-Type: {TYPES[kind]}\r\n\r\n".encode() + data
    return out + f"\r\n--{boundary}--\r\n".encode()


def unframe(data, content_type):
    boundary = content_type.split("boundary=")[1].split(";")[0].strip().strip('"')
    kinds = {value: name for name, value in TYPES.items()}
    parts = []
    for piece in (b"\r\n" + data).split(f"\r\n--{boundary}".encode())[1:]:
        if piece.startswith(b"--"):
            break
        head, _, content = piece.partition(b"\r\n\r\n")
        kind = head.decode().split(":", 1)[1].strip().split(";")[0]
        parts.append((kinds.get(kind, kind), content))
    return parts


def message(direction, rest, body, key, certificate, ocsp_sign, ocsp_auth=()):
    signed = [("/message.xml", rest)] + ([("/attachment1", body)] if body else [])
    signature, result, chain = sign(key, certificate, signed, ocsp_sign)
    parts = [("ocsp", one) for one in ocsp_auth] + [(direction, rest)]
    parts += [("body", body)] if body else []
    parts += [("result", result), ("chain", chain)] if result else []
    return parts + [("signature", signature)]


def open_message(parts):
    """Verifies a message's parts; gives rest, body and the signer's certificate."""
    held = dict(parts)
    rest, body = held.get("request") or held["response"], held.get("body")
    signed = [("/message.xml", rest)] + ([("/attachment1", body)] if body else [])
    return rest, body, verify(held["signature"], held.get("result"), held.get("chain"), signed)


def new_id(instance):
    return f"{instance}-{uuid.uuid4()}"
