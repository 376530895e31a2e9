documents-menu-verify = Qillqata chiqaqchay

documents-paper-page = P'anqa
documents-paper-of = kaymanta:
documents-paper-verify = Kay qillqata chiqaqchay
documents-paper-verify-how = Pi runapas kay qillqa chiqaq kasqanta, mana tikrasqa kasqanta yachayta atin, kaypi:
documents-paper-code = Chiqaqchana código
documents-paper-qr = Chiqaqchana tiyasqan QR siq'i:
documents-paper-signed-by = Digital firmawan firmaq
documents-paper-sealed-by = Digital unanchan, kaypa:
documents-paper-stamp = Waqaychana pacha unanchapaq

documents-verify-title = Qillqata chiqaqchay
documents-verify-intro = Qillqapa urayninpi kaq codigota qillqay, utaq PDF archivota wichachiy. Manam yaykunaykichu kan.
documents-verify-by-code = Codigowan
documents-verify-code = Chiqaqchana código
documents-verify-code-hint = 12 letram, yupaypas kan, kay hina: 7K3M-9QXT-2WBV.
documents-verify-by-file = Archivowan
documents-verify-file = PDF archivo
documents-verify-file-hint = Aswan hatunqa { $limit } MB. Archivota qhawankum, manam waqaychankuchu.
documents-verify-button = Chiqaqchay
documents-verify-other = Huk qillqata chiqaqchay
documents-verify-download = Qillqata uraykachiy
documents-verify-compare = Makiykipi kaq papilta kaymanta uraykachisqayki qillqawan tupachiy: kikintam ninanku.
documents-verify-about = Ima qillqam
documents-verify-steps = Imatam qhawarqanku
documents-verify-expert = Yachaqkunapaq

documents-view-title = Qillqa
documents-view-received = Haywasqa
documents-view-issued = Lluqsichisqa

documents-field-title = Qillqa
documents-field-number = Yupaynin
documents-field-date = P'unchaw
documents-field-body = Lluqsichiq wasi
documents-field-signer = Firmaq
documents-field-post = Llamk'aynin
documents-field-code = Chiqaqchana código
documents-field-hash = Archivopa yupin (SHA-256)
documents-field-size = Sayaynin
documents-field-kind = Archivo laya
documents-field-stamped = Pacha unanchapa rikuchisqan pacha
documents-field-claimed = Firmaqpa nisqan pacha
documents-field-certificate = Certificado
documents-field-word = ETSI EN 319 102-1 nisqaman hina
documents-size = { $kilobytes } kB
documents-language = Simi

documents-known-yes = Kayqa kay wasipa lluqsichisqan, qillqasqan qillqam.
documents-known-no = Kay wasiqa manam kay hina qillqata qillqasqachu. Huk wasi lluqsichirqa chayqa, chay wasipa p'anqanpipas chiqaqchay.

documents-verdict-valid = Firmaqa chaninmi
documents-verdict-valid-more = Qillqaqa manam tikrasqachu firmasqanmanta pacha, pim firmasqanpas yachasqam.
documents-verdict-indeterminate = Firmata manam takyachiyta atikunchu
documents-verdict-invalid = Firmaqa manam chaninchu
documents-verdict-invalid-more = Ama kay archivopi iñiychu. Lluqsichiq wasimanta qillqata mañakuy.

documents-reason-format = Archivo utaq firman mana allin ruwasqachu.
documents-reason-hash = Ukhunqa manam firmasqa kaqchu.
documents-reason-crypto = Firmaqa manam firmaqpa certificadonwan tupanchu.
documents-reason-changed = Archivota firmasqa qhipaman tikrarqanku.
documents-reason-unsigned = Archivopa manam digital firman kanchu.
documents-reason-chain = Kay wasiqa manam riqsinchu firmaqpa certificadonta qhipachaq kamachiqta.
documents-reason-usage = Firmaqpa certificadonqa manam qillqa firmanapaqchu.
documents-reason-dates = Certificadoqa manam chaninchu karqan, manataqmi pacha unanchapas ñawpaq p'unchawta rikuchinchu.
documents-reason-stamp = Pacha unanchapi manam iñikunchu.
documents-reason-order = Firmapa pachanwan pacha unanchapa pachanwan manam tupankuchu.
documents-reason-method = Firmaqa kay wasipa mana chaskisqan ruwaywanmi ruwasqa.

documents-step-form = Archivoqa allin ruwasqam
documents-step-whole = Firmaqa tukuy archivotam qatan
documents-step-later = Firmasqa qhipaman yapasqaqa allinmi
documents-step-content = Ukhunqa firmasqa kaqmi
documents-step-signature = Firmaqa certificadowan tupanmi
documents-step-chain = Riqsisqa kamachiqmi certificadota qhipachan
documents-step-stamp = Pacha unancham hayk'aq firmasqanta rikuchin
documents-step-registered = Qillqaqa kay wasipi qillqasqam
documents-state-passed = Arí
documents-state-failed = Manam
documents-state-skipped = Manam qhawayta atikurqanchu

fault-documents-code = Chay hina codigoqa manam kanchu. Qhaway: 12 letram, yupaypas kanan, qillqapa urayninpi hina.
fault-documents-unknown = Manam mayqin qillqapas chay codigoyuqchu. Codigota qhaway; allin kaptinqa, lluqsichiq wasita tapuy.
fault-documents-too-large = Archivoqa ancha hatunmi. Aswan hatunqa { $limit } MB kanan.
fault-documents-empty = Archivoqa ch'usaqmi. Huk archivota akllay.
fault-documents-type = Archivoqa manam chaskisqa layachu (PDF, JPEG, PNG utaq qillqa), utaq ukhun manam layanwan tupanchu.
fault-documents-cut = Archivoqa manam hunt'asqachu chayamurqan. Watiqmanta apachimuy.
fault-documents-pdf = Chiqaqchayta munasqayki PDF archivota akllay.
fault-documents-taken = Ñam kay yupayniyuq qillqa kan.
fault-documents-stamp = Pacha unanchaqqa manam kutichinchu. Watiqmantam ruwakunqa.
fault-documents-paper = Qillqaqa ancha sunim, manam lluqsichiyta atikunchu.
