documents-menu-verify = Verificar un documento

documents-paper-page = Página
documents-paper-of = de
documents-paper-verify = Verifique este documento
documents-paper-verify-how = Cualquier persona puede comprobar que es auténtico y que no fue cambiado, en:
documents-paper-code = Código de verificación
documents-paper-qr = Código QR con la dirección de verificación:
documents-paper-signed-by = Firmado digitalmente por
documents-paper-sealed-by = Sello digital de
documents-paper-stamp = Lugar para un sello de tiempo de archivo

documents-verify-title = Verificar un documento
documents-verify-intro = Escriba el código que está al pie del documento, o suba el archivo PDF. No necesita registrarse.
documents-verify-by-code = Con el código
documents-verify-code = Código de verificación
documents-verify-code-hint = Son 12 letras y números, por ejemplo 7K3M-9QXT-2WBV.
documents-verify-by-file = Con el archivo
documents-verify-file = Archivo PDF
documents-verify-file-hint = Como máximo { $limit } MB. El archivo se revisa y no se guarda.
documents-verify-button = Verificar
documents-verify-other = Verificar otro documento
documents-verify-download = Descargar el documento
documents-verify-compare = Compare el papel que tiene en la mano con el documento que se descarga aquí: deben decir lo mismo.
documents-verify-about = Qué documento es
documents-verify-steps = Qué se comprobó
documents-verify-expert = Para especialistas

documents-view-title = Documento
documents-view-received = Presentado
documents-view-issued = Emitido

documents-field-title = Documento
documents-field-number = Número
documents-field-date = Fecha
documents-field-body = Entidad que lo emite
documents-field-signer = Firmado por
documents-field-post = Cargo
documents-field-code = Código de verificación
documents-field-hash = Huella del archivo (SHA-256)
documents-field-size = Tamaño
documents-field-kind = Tipo de archivo
documents-field-stamped = Hora probada por el sello de tiempo
documents-field-claimed = Hora que declara quien firma
documents-field-certificate = Certificado
documents-field-word = Resultado según ETSI EN 319 102-1
documents-size = { $kilobytes } kB
documents-language = Idioma

documents-known-yes = Es el documento que esta entidad emitió y tiene registrado.
documents-known-no = Esta entidad no tiene registrado un documento con este contenido. Si lo emitió otra entidad, verifíquelo también en su página.

documents-verdict-valid = La firma es válida
documents-verdict-valid-more = El documento no cambió desde que se firmó, y se sabe quién lo firmó.
documents-verdict-indeterminate = No se puede confirmar la firma
documents-verdict-invalid = La firma no es válida
documents-verdict-invalid-more = No confíe en este archivo. Pida el documento a la entidad que lo emitió.

documents-reason-format = El archivo o su firma está mal construido.
documents-reason-hash = El contenido no es el que se firmó.
documents-reason-crypto = La firma no corresponde al certificado de quien dice firmar.
documents-reason-changed = El archivo fue cambiado después de la firma.
documents-reason-unsigned = El archivo no tiene ninguna firma digital.
documents-reason-chain = Esta entidad no conoce a la autoridad que respalda el certificado de quien firma.
documents-reason-usage = El certificado de quien firma no sirve para firmar documentos.
documents-reason-dates = El certificado no estaba vigente, y ningún sello de tiempo confiable prueba una fecha anterior.
documents-reason-stamp = El sello de tiempo no es confiable.
documents-reason-order = Las fechas de la firma y del sello de tiempo se contradicen.
documents-reason-method = La firma usa un método que esta entidad no acepta.

documents-step-form = El archivo está bien construido
documents-step-whole = La firma cubre todo el archivo
documents-step-later = Lo agregado después de la firma está permitido
documents-step-content = El contenido es el que se firmó
documents-step-signature = La firma corresponde al certificado
documents-step-chain = Una autoridad conocida respalda el certificado
documents-step-stamp = Un sello de tiempo prueba cuándo se firmó
documents-step-registered = El documento está registrado en esta entidad
documents-state-passed = Sí
documents-state-failed = No
documents-state-skipped = No se pudo comprobar

fault-documents-code = Este código no existe. Revise que tenga 12 letras y números, como están al pie del documento.
fault-documents-unknown = No hay ningún documento con este código. Revise el código; si es correcto, pregunte a la entidad que emitió el documento.
fault-documents-too-large = El archivo es demasiado grande. Puede tener como máximo { $limit } MB.
fault-documents-empty = El archivo está vacío. Elija otro archivo.
fault-documents-type = El archivo no es de un tipo que se recibe (PDF, JPEG, PNG o texto), o su contenido no corresponde a su tipo.
fault-documents-cut = El archivo no llegó completo. Vuelva a enviarlo.
fault-documents-pdf = Elija el archivo PDF que quiere verificar.
fault-documents-taken = Ya existe un documento con este número.
fault-documents-stamp = El servicio de sellos de tiempo no responde. Se volverá a intentar.
fault-documents-paper = El documento es demasiado largo para emitirlo.
