# Llapan p'anqakunap marcon, sapa kuti rikhuriq willakuykunapas.
web-skip = Qillqasqaman riy
web-language = Simi
web-menu = Menu
web-back = Kutiy
web-account = Cuentay
web-sign-in = Haykuy
web-sign-out = Lluqsiy
web-reference = Kay p'anqap yupaynin:
web-simulated = Kayqa yachanapaq ruwasqa suyum. Kaypi runakunaqa manam kanchu, negociokunapas; kaypi ruwasqaykiqa manam leypaqchu.

web-date = { $year } wata, { $month } killa, { $day } p'unchaw
web-weekday-date = { $weekday }, { $year } wata, { $month } killa, { $day } p'unchaw
web-date-time = { $date }, { $time }
web-month-1 = qhulla puquy
web-month-2 = hatun puquy
web-month-3 = pawqar waray
web-month-4 = ayriway
web-month-5 = aymuray
web-month-6 = inti raymi
web-month-7 = anta sitwa
web-month-8 = qhapaq sitwa
web-month-9 = uma raymi
web-month-10 = kantaray
web-month-11 = ayamarq'a
web-month-12 = qhapaq raymi
web-weekday-1 = killachaw
web-weekday-2 = atichaw
web-weekday-3 = quyllurchaw
web-weekday-4 = illapachaw
web-weekday-5 = ch'askachaw
web-weekday-6 = k'uychichaw
web-weekday-7 = intichaw

web-error-summary = Kayta allichay
web-optional = munaspayki
web-error-prefix = Pantasqa:
web-source = { $who } nin, { $when }
web-evidence = Chiqaq kasqan
web-newer = Ñawpaqkuna
web-older = Qhipankuna
web-pages = P'anqakuna
web-days = { $n ->
    [one] { $n } p'unchaw
   *[other] { $n } p'unchaw
 }
web-meter-of = { $total } p'unchawmanta { $done }

web-error-invalid = Imapas allichanan kan
web-error-sign-in = Ñawpaqta haykuy
web-error-denied = Kaytaqa manam ruwayta atiwaqchu
web-error-missing = Manam tarinikuchu
web-error-conflict = Kayqa hukniraqñam
web-error-too-large = Nishu hatunmi
web-error-too-many = Nishu utqaytam kutipayanki
web-error-upstream = Huk wasi mana allintachu kutichirqan
web-error-unavailable = Kunanqa manam yanapayta atiykikuchu
web-error-internal = Ñuqaykum pantayku
web-error-code = Referencia: { $reference }
web-error-reference = Kaymanta waqyamuspayki icha qillqamuspayki, kay yupayta willawayku: { $reference }
web-error-contact = Kaypi tariwankiku: { $contact }
web-error-home = Qallariyman riy

web-resend-title = Sesionniyki tukukun, ichaqa manam imatapas chinkachirqankichu
web-resend-words = Unay pasarqan, chaymi qamta waqaychanaykupaq sesionniykita wisq'ayku. Qillqasqaykiqa kay p'anqapi waqaychasqa kachkan: ama wisq'aychu.
web-resend-first = Yapamanta haykuy. Musuq p'anqapim kichakunqa.
web-resend-second = Kay p'anqaman kutimuy, hinaspa qillqasqaykita apachimuy.
web-resend-button = Yapamanta apachiy

fault-internal = Ñuqaykum pantayku, manam qamchu. Constanciayki kaptinqa, tukuy waqaychasqam kachkan. Huk ratumanta kutipay.
fault-full = Kunan mana imapas waqaychanapaq kanchu. Llamkaqqa yachanñam; qhipaman kutipay. Constanciayki kaptinqa, tukuy waqaychasqam.
fault-unavailable = Sistemaqa samachkan icha allichakuchkan. Huk ratumanta kutipay; constanciayki kaptinqa, tukuy waqaychasqam.
fault-busy = Achka runam kaypi kachkan. Huk ratuta suyay, chaymanta kutipay.
fault-slow = Kutichiyqa nishuta unaran, chaymi sayachiyku. Manaraq kutichimuchkaspa «Trámiteykuna» nisqapi qhaway.
fault-missing = Mask'asqaykiqa manam kanchu, icha manam qampachu.
fault-no-page = Chay direccionqa manam kanchu. Ichapas pantasqa qillqasqa, icha p'anqaqa astakurqan.
fault-method = Kay direccionqa manam hinatachu llamk'an. Ñawpaq p'anqaman kutiy.
fault-sign-in = Kayta qhawanaykipaqqa haykunaykim.
fault-denied = Cuentaykiqa kayta manam qhawayta nitaq ruwayta atinchu.
fault-csrf = Manam yachaykuchu kay formulario p'anqaykimanta lluqsimusqanta. Kutiy, p'anqata musuqmanta kichay, chaymanta apachimuy.
fault-form = Formularioqa mana hunt'asqachu chayamurqan. Kutiy, musuqmanta apachimuy.
fault-too-large = Apachimusqaykiqa nishu hatunmi. Aswan huch'uy archivota apachimuy.
fault-too-many-files = Nishu achka archivotam apachimunki. T'aqa-t'aqalla apachimuy.
fault-too-many = Kay conexionmantaqa nishu achkatam mañakunku. Huk minutota suyay, chaymanta kutipay.
