# Mañakuykunap imayna kasqan, ima ruwakusqan, ima pantasqan.
workflow-yes = Arí
workflow-no = Mana

workflow-risk-low = Pisi
workflow-risk-medium = Chawpi
workflow-risk-high = Hatun
workflow-risk-very-high = Ancha hatun

workflow-state-filed = Churasqa
workflow-state-received = Chaskisqa
workflow-state-in-evaluation = Qhawachkanku
workflow-state-observed = Allichanayki kan
workflow-state-granted = Quisqa
workflow-state-denied = Mana quisqa
workflow-state-granted-by-silence = Mana kutichisqarayku quisqa
workflow-state-not-presented = Mana churasqa hina
workflow-state-withdrawn = Kutichipusqa

workflow-refusal-bad-signature = Kutichisqanpa firmanqa manan allinchu. Manan chayman iñiykuchu.
workflow-refusal-not-allowed = Registroqa kayta tapunaykuta manan munanchu.
workflow-refusal-unknown = Kay yupanawanqa registropi manan pipas kanchu.

workflow-event-filed = Mañakuyqa churasqaña
workflow-event-received = Mesa de partes mañakuyta chaskin
workflow-event-evaluated = Qhawayta qallarinku
workflow-event-observed = Mañakuy allichanata mañakurqanku
workflow-event-cured = Mañakuyqa allichasqaña
workflow-event-extended = P'unchawkunata yaparqanku
workflow-event-granted = Mañakusqanta quirqanku
workflow-event-denied = Mañakusqanta mana quirqankuchu
workflow-event-granted-by-silence = Manan pipas kutichirqanchu: ley mañakusqanta qun
workflow-event-not-presented = Mana p'unchawninpi allichasqachu: mana churasqa hina
workflow-event-withdrawn = Mañakuyta kutichipurqan
workflow-event-fact-learned = Huk registro kutichimun
workflow-event-fact-refused = Huk registroq kutichisqan manan allinchu
workflow-event-asked-again = Registrota kaqmanta tapurqanku
workflow-event-issued = Huk documento lluqsimun

workflow-error-required = Kutichiyniykita kaypi qillqay.
workflow-error-choose = Hukninta akllay.
workflow-error-declare = Juramentota marcay, chaymanta puririy.
workflow-error-file-missing = Mañakusqa archivota kayman churay.
workflow-error-too-long = Nishu sunim: { $max } letrakama.
workflow-error-characters = Wakin letrakuna mana ñawinchakunchu. Huktawan qillqay.
workflow-error-number = Yupanallata qillqay, decimal mana kaspa.
workflow-error-range = { $min }-manta { $max }-kama yupana kanan.
workflow-error-date = Chiqaq p'unchawta qillqay: p'unchaw, killa, wata.
workflow-error-place = Distritota akllay.
workflow-error-place-outside = Chay llaqtaqa manan kay municipalidadpachu.
workflow-error-identifier-shape = { $name } { $digits } yupanayuqmi. Qillqasqaykita yupay.
workflow-error-identifier-prefix = { $name } manan chay yupanakunawanchu qallarin.
workflow-error-identifier-check = Kay { $name } manan allinchu: huk yupanatachá pantarqanki.
workflow-error-phone = Teléfono yupanata qillqay, kay hina: 984 000 111.
workflow-error-email = Correota qillqay, kay hina: suti@ejemplo.pe.

fault-workflow-person-only = Kaytaqa sapa runa kikinpa cuentanpi ruwan. Qanpa cuentaykiwan haykuy.
fault-workflow-own-case = Qanpa mañakuyniykim: huk runam kutichinqa.
fault-workflow-no-procedure = Kaypiqa chay trámite manan kanchu.
fault-workflow-no-step = Kay tramitepi chay paso manan kanchu.
fault-workflow-key = Formularioqa mana hunt'achu chayamun. Huktawan kichay: qillqasqaykiqa waqaychasqam.
fault-workflow-too-many-answers = Formulariopi nishu achka kutichiykuna kachkan.
fault-workflow-changed = Qhawachkaptiyki huk runa kay expedienteta t'ikrarqan. Huktawan kichay, musuqta qhawaspa kutichiy.
fault-workflow-ended = Kay expediente tukukunña.
fault-workflow-state = Expediente imayna kasqanpi, chayta ruwayqa manan atikunchu.
fault-workflow-observed-before = Huk kutiña allichanata mañakurqanku. Leyqa iskay kutita manan munanchu.
fault-workflow-cure-time = Allichana p'unchawkuna pasarqanña.
fault-workflow-no-silence = Mana kutichisqankuqa manaraq leypaqchu.
fault-workflow-too-late = P'unchawkuna tukukunña, leymi mañakusqanta qunña. Manañan hukman t'ikrayta atikunchu.
fault-workflow-facts-pending = { $count ->
    [one] Registromanta huk willakuy pisin. Mana chaywanqa manan quyta atikunchu.
   *[other] Registrokunamanta { $count } willakuykuna pisin. Mana chaykunawanqa manan quyta atikunchu.
 }
fault-workflow-extended-before = P'unchawkunata huk kutiña yaparqanku.
fault-workflow-extension-days = Plazop p'unchawninkunakamalla yapayta atikun.
fault-workflow-reasons-missing = Imarayku kasqanta qillqay: runam ñawinchanqa.
fault-workflow-reasons-long = Qillqasqayki nishu sunim: { $max } letrakama.
fault-workflow-nothing-to-ask = Chay registroq kutichisqanmanta kaqmanta tapuna manan kanchu.
