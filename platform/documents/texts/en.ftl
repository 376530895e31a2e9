documents-menu-verify = Verify a document

documents-paper-page = Page
documents-paper-of = of
documents-paper-verify = Verify this document
documents-paper-verify-how = Anybody can check that it is authentic and unchanged, at:
documents-paper-code = Verification code
documents-paper-qr = QR code with the address for verification:
documents-paper-signed-by = Digitally signed by
documents-paper-sealed-by = Digital seal of
documents-paper-stamp = Place for an archive time stamp

documents-verify-title = Verify a document
documents-verify-intro = Type the code at the foot of the document, or upload the PDF file. You needn't sign in.
documents-verify-by-code = With the code
documents-verify-code = Verification code
documents-verify-code-hint = It has 12 letters and digits, for example 7K3M-9QXT-2WBV.
documents-verify-by-file = With the file
documents-verify-file = PDF file
documents-verify-file-hint = At most { $limit } MB. The file is checked and not kept.
documents-verify-button = Verify
documents-verify-other = Verify another document
documents-verify-download = Download the document
documents-verify-compare = Compare the paper in your hand with the document that you download here: they must say the same.
documents-verify-about = Which document it is
documents-verify-steps = What was checked
documents-verify-expert = For experts

documents-view-title = Document
documents-view-received = Filed
documents-view-issued = Issued

documents-field-title = Document
documents-field-number = Number
documents-field-date = Date
documents-field-body = Issued by
documents-field-signer = Signed by
documents-field-post = Post
documents-field-code = Verification code
documents-field-hash = Fingerprint of the file (SHA-256)
documents-field-size = Size
documents-field-kind = Kind of file
documents-field-stamped = Time proven by the time stamp
documents-field-claimed = Time stated by the signer
documents-field-certificate = Certificate
documents-field-word = Result by ETSI EN 319 102-1
documents-size = { $kilobytes } kB
documents-language = Language

documents-known-yes = This is the document that this body issued and keeps in its register.
documents-known-no = This body has no document with this content in its register. If another body issued it, verify it on that body's page too.

documents-verdict-valid = The signature is valid
documents-verdict-valid-more = The document hasn't changed since it was signed, and it is known who signed it.
documents-verdict-indeterminate = The signature can't be confirmed
documents-verdict-invalid = The signature is not valid
documents-verdict-invalid-more = Don't rely on this file. Ask the body that issued the document for it.

documents-reason-format = The file or its signature is badly built.
documents-reason-hash = The content is not what was signed.
documents-reason-crypto = The signature doesn't belong to the certificate of the stated signer.
documents-reason-changed = The file was changed after it was signed.
documents-reason-unsigned = The file bears no digital signature.
documents-reason-chain = This body doesn't know the authority behind the signer's certificate.
documents-reason-usage = The signer's certificate isn't meant for signing documents.
documents-reason-dates = The certificate was not in force, and no trusted time stamp proves an earlier date.
documents-reason-stamp = The time stamp can't be trusted.
documents-reason-order = The dates of the signature and of the time stamp contradict each other.
documents-reason-method = The signature uses a method that this body doesn't accept.

documents-step-form = The file is well built
documents-step-whole = The signature covers the whole file
documents-step-later = What was added after the signature is allowed
documents-step-content = The content is what was signed
documents-step-signature = The signature belongs to the certificate
documents-step-chain = A known authority stands behind the certificate
documents-step-stamp = A time stamp proves when it was signed
documents-step-registered = The document is in this body's register
documents-state-passed = Yes
documents-state-failed = No
documents-state-skipped = Could not be checked

fault-documents-code = There is no such code. Check that it has 12 letters and digits, as at the foot of the document.
fault-documents-unknown = No document has this code. Check the code; if it is right, ask the body that issued the document.
fault-documents-too-large = The file is too large. It may have at most { $limit } MB.
fault-documents-empty = The file is empty. Choose another file.
fault-documents-type = The file is not of a kind that is taken in (PDF, JPEG, PNG or text), or its content doesn't fit its kind.
fault-documents-cut = The file didn't arrive whole. Send it again.
fault-documents-pdf = Choose the PDF file that you want to verify.
fault-documents-taken = There is a document with this number already.
fault-documents-stamp = The time-stamping service doesn't answer. It will be tried again.
fault-documents-paper = The document is too long to be issued.
