"""Judges signed PDFs by pyHanko, with one root trusted, nothing fetched, and every later change examined.

    python pdf.py ROOT.pem FILE.pdf...

Each file must have at least one signature; each must be intact, trusted, cover the whole file or be followed by permitted
changes only, and carry a valid time stamp inside the signature.
"""

import logging
import sys
from datetime import datetime

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.CRITICAL)


def context(root, at=None):
    return ValidationContext(
        trust_roots=[root], allow_fetching=False, revocation_mode="soft-fail", moment=at
    )


def judge(path, root):
    wrong = []
    with open(path, "rb") as stream:
        reader = PdfFileReader(stream)
        signatures = list(reader.embedded_regular_signatures)
        if not signatures:
            return ["no signature"]
        for signature in signatures:
            wrong += signed(signature, root)
        for stamp in reader.embedded_timestamp_signatures:
            status = validate_pdf_timestamp(stamp, context(root))
            if not (status.intact and status.valid and status.trusted):
                wrong.append(f"{stamp.field_name}: {status.summary()}")
    return wrong


def signed(signature, root):
    name = signature.field_name
    # The stamped moment decides: the demo's clock may run ahead of the machine's, and a stamp outlives certificates.
    first = validate_pdf_signature(signature, context(root))
    stamp = first.timestamp_validity
    if stamp is None:
        return [f"{name}: no time stamp"]
    at = stamp.timestamp
    status = validate_pdf_signature(signature, context(root, at), context(root, at))
    stamp = status.timestamp_validity
    steps = {
        "intact": status.intact,
        "valid": status.valid,
        "trusted": status.trusted,
        "stamp valid": stamp.intact and stamp.valid,
        "stamp trusted": stamp.trusted,
        "no forbidden change": status.docmdp_ok is not False
        and status.modification_level <= ModificationLevel.FORM_FILLING,
        "bottom line": status.bottom_line,
    }
    print(f"  {name}: {status.signing_cert.subject.human_friendly}, stamped {at:%Y-%m-%dT%H:%M:%SZ}, {status.summary()}")
    return [f"{name}: not {step}" for step, held in steps.items() if not held]


def main():
    root = load_cert_from_pemder(sys.argv[1])
    failed = 0
    for path in sys.argv[2:]:
        print(path.rsplit("/", 1)[-1])
        for problem in judge(path, root):
            failed += 1
            print(f"  WRONG {problem}")
    sys.exit(1 if failed else 0)


main()
