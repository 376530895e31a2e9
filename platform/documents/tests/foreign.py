"""Signs a PDF with pyHanko, the way another body's software would: foreign.py KEY CERT IN OUT FIELD {pades|adobe}"""
import sys

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers

key, certificate, source, target, field, kind = sys.argv[1:]
signer = signers.SimpleSigner.load(key, certificate)
forms = {"pades": fields.SigSeedSubFilter.PADES, "adobe": fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED}
with open(source, "rb") as file:
    meta = signers.PdfSignatureMetadata(field_name=field, subfilter=forms[kind], md_algorithm="sha256")
    signed = signers.sign_pdf(IncrementalPdfFileWriter(file), meta, signer=signer)
with open(target, "wb") as file:
    file.write(signed.getbuffer())
