# Portal: runakuna, kamachiqkunapas, trámite ruwaypi ñawinchasqanku.
portal-menu-procedures = Trámitekuna
portal-menu-cases = Trámiteykuna
portal-menu-looks = Pi willayniyta qhawan
portal-menu-desk = Llamk'anay

portal-home-title = Trámiteykita ruway, mana papelta apaspa
portal-home-lead = Estado ñam qanmanta yachan chayqa, manañam mañakuykikuchu. Ñuqayku tapuyku, firmawan, qantaq rikunki pi tapusqanta, imapaq tapusqantapas.
portal-home-choices = Kaypi imata ruwayta atinki
portal-home-start = Trámiteta qallariy
portal-home-start-why = Imata munakusqanta, hayk'apaq kasqanta, hayk'a unasqantapas qhaway.
portal-home-cases = Trámiteykunata qhaway
portal-home-cases-why = Maypi kasqanta, hayk'a p'unchaw puchusqanta, papelniykikunatapas.
portal-home-looks = Pi willayniyta qhawan
portal-home-looks-why = Qanmanta sapa tapuy: pi, imapaq, chiqaq kasqantin.
portal-home-verify = Papel chiqaqchus icha manachus
portal-home-verify-why = Códigonwan, QRninwan, kikin archivowanpas. Mana haykuspalla.
portal-home-desk = Llamk'anayman riy
portal-home-desk-why = Expedientekuna, ñawpaqta tukukuqmanta.
portal-home-often = Trámitekuna
portal-home-how = Imaynatam llamk'an
portal-home-how-1 = Trámiteta akllanki. Formularioqa registrokunaq yachasqanwan hunt'asqa chayamun.
portal-home-how-2 = Faltaqllata hunt'anki, qhawanki, chaymanta apachinki. Chay ratullam constanciata chaskinki.
portal-home-how-3 = Leypa plazonqa kikillanmantam purin. Sapa p'unchaw siq'isqata rikunki.
portal-home-how-4 = Resoluciónqa firmasqam chayamun. Pipas chiqaq kasqanta qhawayta atin.

portal-catalogue-title = Trámitekuna
portal-catalogue-lead = Imata ruwanaykita akllay.
portal-catalogue-list = Trámitekunaq listan
portal-catalogue-empty = Kay wasiqa manaraqmi trámitekunata riqsichinchu.
portal-days = { $days ->
    [one] Huk llamk'ay p'unchawpim kutichikun
   *[other] { $days } llamk'ay p'unchawpim kutichikun
 }
portal-days-range = { $least } p'unchawmanta { $days } llamk'ay p'unchawkama kutichikun, peligro kasqanman hina
portal-free = Mana qullqillapaq
portal-cost-range = { $least } nisqamanta { $most } nisqakama, peligro kasqanman hina

portal-start = Kunan qallariy
portal-start-sign-in = Haykunaykita mañakusaykiku, qan kasqaykita yachanaykupaq.
portal-continue = Saqisqaymanta qatiy
portal-figure-time = Plazo
portal-figure-cost = Chanin
portal-figure-silence = Mana kutichiptinku
portal-figure-body = Pi kamachin
portal-procedure-no-papers = Ñam kapuwayku chaytaqa ama apamuychu
portal-procedure-known = Kaytaqa ñuqayku tapusaqku
portal-procedure-asked = Kayta qanta tapusaykiku
portal-procedure-needs = Kayta juranayki icha apachinayki
portal-procedure-result = Imatam chaskinki
portal-procedure-rights = Derechoykikuna
portal-procedure-steps = Huk huk puriy
portal-procedure-silence = Wasi mana pachanpi kutichiptin
portal-procedure-law = Mayqin leykuna chayta ninku
portal-silence-positive = Plazo mana kutichiyniyuq tukukuptinqa, ley mañakusqaykita arí nisqata chaninchan (silencio positivo). Sistema kikinmanta chay papelta qun.
portal-silence-negative = Plazo mana kutichiyniyuq tukukuptinqa, mana nisqatam chaninchawaq, apelayta atinki (silencio negativo). Wasiqa kutichinanpunim.
portal-silence-positive-short = Arí nisqa qhipan
portal-silence-negative-short = Apelayta atinki

portal-step = { $all } rakimanta { $now } kaq
portal-title-error = Pantasqa: { $title }
portal-facts-title = Registrokunaq nisqan
portal-facts-why = Manam qillqanaykichu, manam rikuchinaykichu: sapa registro firman.
portal-fact-signed = Registro firmasqa
portal-fact-evidence = prueba
portal-fact-waiting = { $authority } manaraqmi kutichinchu. Tapushallaykuraqmi; trámiteykiqa manam sayanchu.
portal-fact-nothing = { $authority } kayta mana waqaychanchu.
portal-fact-refused = Kutichisqa mana chaskisqa.
portal-not-right = ¿Imapas mana allinchu?
portal-not-right-how = Kaykunaqa waqaychasqa kasqanpim allichakun. Chaypi allichachiy, chaymanta kutimuy: kaypi allichasqa rikhurinqa. Qillqasqaykiqa waqaychasqam.
portal-asked-title = Qanlla yachasqayki
portal-optional = (munaspayki)
portal-yes = Arí
portal-no = Mana
portal-next = Waqaychay, qatiytaq
portal-later = Waqaychay, lluqsiytaq
portal-kept = Haykusqayki tukukusqa, ichaqa qillqasqaykita waqaycharqayku. Qhaway, chaymanta qatiy.
portal-saved-later = Waqaychasqam. «Trámiteykuna» nisqapi tarinki, qatiyta munaspayki.
portal-file-have = Ñam apachirqanki:

portal-check-title = Manaraq apachispa qhaway
portal-check-lead = Kaytam wasi chaskinqa. Sapa rakita kambiayta atinki.
portal-check-who = Apachiq: { $name }.
portal-check-what-happens = Apachispa chay ratulla constanciaykita chaskinki, yupayniyuqta, p'unchawniyuqta, horayuqta. Qatiq llamk'ay p'unchawmanta leypa plazon purin.
portal-change = Kambiay
portal-no-answer = Mana kutichisqa
portal-file = Trámiteta apachiy

portal-receipt-title = Trámiteykita chaskiyku
portal-receipt-number = Trámiteykiq yupaynin
portal-receipt-applicant = Apachiq
portal-receipt-presented = Apachisqa
portal-receipt-counted = Apachisqa hina yupakun
portal-receipt-body = Mayman
portal-receipt-what = Trámite
portal-receipt-stage = Maypi kasqan
portal-receipt-verified = Constancia chiqaqmi
portal-receipt-genuine = Kay constanciaqa chiqaqmi: kay wasi qurqan.
portal-receipt-no-names = Runata yupaychaspa, sutin manam kaypi rikukunchu.
portal-receipt-qr = QR código: kay constancia chiqaq kasqanta llapa runapaq kichan
portal-receipt-waiting = { $count ->
    [one] Huk registro manaraq kutichinchu. Ñam apachirqanki: ñuqayku tapusaqku.
   *[other] { $count } kutichiykuna faltan. Ñam apachirqanki: ñuqayku tapusaqku.
 }
portal-receipt-pdf = Constanciata uraykachiy (PDF)
portal-receipt-pdf-later = Firmasqa PDF constanciaqa hamushanmi; trámiteykiq p'anqanpi tarinki.
portal-receipt-follow = Trámiteyta qatipay
portal-receipt-next = Kunanqa imam kanqa
portal-receipt-next-1 = Mesa de partes mañakusqaykita chaskin, llamk'ay horapi cargota qusunki.
portal-receipt-next-2 = Kamachiq qhawan. Imapas faltaptinqa, huk kutillata willasunki, plazotaq sayan.
portal-receipt-next-3 = Firmasqa resoluciónta chaskinki, icha mana pipas kutichiptin silencio positivo papelta.
portal-code = Código de verificación
portal-print = Papelman urquy

portal-cord-presented = Apachisqa
portal-cord-due = Kay p'unchawkama kutichinanku
portal-cord-left = { $left ->
    [one] { $days } llamk'ay p'unchawmanta huk p'unchawmi puchun
   *[other] { $days } llamk'ay p'unchawmanta { $left } p'unchawmi puchun
 }
portal-cord-late = Plazo kunan tukukun icha tukukunñam
portal-cord-paused = Plazo sayasqa: kutichinaykita suyashayku
portal-cord-over = { $used ->
    [0] Kikin p'unchawpi tukusqa
   *[other] Tukusqa: { $days } llamk'ay p'unchawmanta { $used } p'unchawpi
 }

portal-stage-draft = Manaraq apachisqa
portal-stage-filed = Apachisqa
portal-stage-received = Mesa de partes chaskisqa
portal-stage-review = Qhawasqa kashan
portal-stage-observed = Allichanan kan
portal-stage-granted = Arí nisqa
portal-stage-silence = Silencio positivowan arí nisqa
portal-stage-denied = Mana nisqa
portal-stage-closed = Tukusqa
portal-changed = Qhipa kambio:

portal-cases-title = Trámiteykuna
portal-cases-none = Manaraqmi trámiteyki kanchu.
portal-cases-older = Ñawpaq trámitekunata qhaway
portal-cases-yours = Qanta suyasunki
portal-cases-ours = Wasi qhawashan
portal-cases-done = Tukusqakuna
portal-case-files = Papelkuna
portal-case-events = Imakunam karqan
portal-case-filed = Apachisqa
portal-answers-title = Kutichisqa
portal-outcome-granted = Mañakusqaykita arí ninku. Firmasqa resoluciónqa urapim.
portal-outcome-silence = Manam pipas pachanpi kutichirqanchu: leymanta mañakusqaykiqa arí nisqam. Papelqa urapim.
portal-outcome-denied = Mañakusqaykita mana ninku. Resoluciónqa imarayku, imayna apelanaykitapas nin.
portal-outcome-closed = Trámite mana kamachisqalla tukukurqan.

portal-observed-title = Qanmanta imapas faltan
portal-observed-until = Kay p'unchawkama kutichiy: { $date }
portal-observed-keeps = Pachanpi kutichiptiykiqa, apachisqayki p'unchaw kikillanmi.
portal-observed-answer = Kutichiyniyki
portal-observed-file = Apachinayki papel
portal-observed-file-hint = PDF, JPG icha PNG, 5 MB kama.
portal-observed-send = Kutichiyniyta apachiy

portal-looks-title = Pi willayniyta qhawan
portal-looks-lead = Sapa kuti huk wasi qanmanta tapuptin, kaypi qillqasqa qhipan. Manam pipas pichayta atinchu.
portal-looks-none = Manaraqmi pipas qanmanta tapunchu.
portal-looks-count = { $count ->
    [one] Huk tapuy
   *[other] { $count } tapuykuna
 }
portal-looks-asked = kayta tapurqan:
portal-looks-about = Empresaykimanta icha negocioykimanta: { $number }
portal-looks-why = Imapaq
portal-looks-ground = Kaymi saqin
portal-looks-what = Qhawasqan
portal-looks-entry = registropi yupay
portal-looks-both = iskaynin wasi qillqarqanku
portal-looks-refused = mana kutichisqa
portal-looks-silent = Kunanqa manam kaypa listanta apamuyta atiykuchu: { $names }. Huk ratumanta kutipay.
portal-looks-proof = ¿Imaynatam chiqaq kasqan rikukun?
portal-looks-proof-how = Sapa tapuyqa willakuymi, tapuqpa kutichiqpa firmanwan. Prueba yupayninqa mana pakallapi kambiay atina registropim kashan, huk wasitaq chayta qhawashan.
portal-looks-wrong = ¿Imapas mana kananchu kashan?
portal-looks-wrong-how = Tapuq wasiman, Autoridad Nacional de Protección de Datos Personales nisqamanpas qillqay, prueba yupaywan.

portal-desk-title = Llamk'anay
portal-desk-order = Ñawpaqta tukukuqkuna ñawpaqpi.
portal-desk-none = Manam kaypi expediente kanchu.
portal-desk-filters = Mayqin expedientekunata qhaway
portal-desk-all = Llapan
portal-desk-filed = Chaskinakuna
portal-desk-received = Chaskisqakuna
portal-desk-review = Qhawasqa kashaqkuna
portal-desk-observed = Allichananta suyaqkuna
portal-desk-late = { $count ->
    [one] Huk expediente plazonta pasarqan
   *[other] { $count } expedientekuna plazonta pasarqanku
 }
portal-desk-missing = { $count ->
    [one] Huk kutichiy faltan
   *[other] { $count } kutichiykuna faltan
 }
portal-desk-list = Expedientekuna
portal-desk-receive-do = Chaskisqa niy
portal-desk-evaluate-do = Qhawayta qallariy
portal-desk-ask-do = Registrokunata watiq tapuy
portal-desk-refused = { $count ->
    [one] Huk willay mana chaskisqa
   *[other] { $count } willaykuna mana chaskisqa
 }
portal-desk-refused-how = Registroq kutichisqan firma qhawayta mana pasarqanchu. Ama chaywan kamachiychu.
portal-desk-waiting = { $count ->
    [one] Huk registro manaraq kutichinchu.
   *[other] { $count } registrokunaq kutichiynin faltan.
 }
portal-desk-problems = Mana kaqlla kaqkuna
portal-desk-acts = Imatam kamachinki
portal-desk-no-acts = Kunanqa manam kay expedientepi imapas kamachina kanchu.
portal-desk-preview = Resolución imayna kananta qhaway
portal-desk-observe = Allichananta mañay
portal-desk-observe-what = Llapan faltaqta huk kutillata mañakun. Plazo sayan kutichinankukama.
portal-desk-observe-why = Imata allichanan icha hunt'anan
portal-desk-observe-do = Mañayta apachiy
portal-desk-grant = Arí niy
portal-desk-grant-what = Resolución firmaykiwan, pacha sellowan lluqsin, willakuntaq.
portal-desk-grant-why = Imarayku
portal-desk-grant-do = Firmay, arí niy
portal-desk-deny = Mana niy
portal-desk-deny-what = Mana niq resolución firmaykiwan lluqsin, apelay derechowan willakun.
portal-desk-deny-why = Imarayku, mayqin ley
portal-desk-deny-do = Firmay, mana niy

fault-portal-answer = Kutichiyniykita qillqay icha papelta apachiy.
