# Portal: lo que leen ciudadanos y funcionarios al hacer y atender trámites.
portal-menu-procedures = Trámites
portal-menu-cases = Mis trámites
portal-menu-looks = Quién miró mis datos
portal-menu-desk = Mi mesa

portal-home-title = Haga su trámite sin llevar papeles
portal-home-lead = Lo que el Estado ya sabe de usted, no se lo volvemos a pedir. Lo preguntamos nosotros, con firma, y usted ve quién preguntó y para qué.
portal-home-choices = Qué puede hacer aquí
portal-home-start = Empezar un trámite
portal-home-start-why = Vea qué se necesita, cuánto cuesta y cuánto demora.
portal-home-cases = Ver mis trámites
portal-home-cases-why = En qué van, cuántos días quedan y sus documentos.
portal-home-looks = Quién miró mis datos
portal-home-looks-why = Cada consulta sobre usted: quién, para qué y con qué prueba.
portal-home-verify = Comprobar un documento
portal-home-verify-why = Con su código, su QR o el mismo archivo. Sin ingresar.
portal-home-desk = Ir a mi mesa
portal-home-desk-why = Expedientes ordenados por plazo.
portal-home-often = Trámites
portal-home-how = Cómo funciona
portal-home-how-1 = Usted elige el trámite. El formulario llega con lo que los registros ya saben.
portal-home-how-2 = Completa solo lo que falta, revisa y presenta. Recibe la constancia en ese momento.
portal-home-how-3 = El plazo de ley corre solo. Usted lo ve dibujado día por día.
portal-home-how-4 = La resolución llega firmada. Cualquiera puede comprobarla.

portal-catalogue-title = Trámites
portal-catalogue-lead = Elija lo que necesita hacer.
portal-catalogue-list = Lista de trámites
portal-catalogue-empty = Esta entidad todavía no publica trámites.
portal-days = { $days ->
    [one] Se resuelve en 1 día hábil
   *[other] Se resuelve en { $days } días hábiles
 }
portal-days-range = Se resuelve en { $least } a { $days } días hábiles, según el riesgo
portal-free = Gratis
portal-cost-range = De { $least } a { $most }, según el riesgo

portal-start = Empezar ahora
portal-start-sign-in = Le pediremos que ingrese para saber que es usted.
portal-continue = Continuar donde lo dejé
portal-figure-time = Plazo
portal-figure-cost = Costo
portal-figure-silence = Si no responden
portal-figure-body = Decide
portal-procedure-no-papers = No traiga lo que ya tenemos
portal-procedure-known = Esto lo averiguamos nosotros
portal-procedure-asked = Esto le preguntaremos
portal-procedure-needs = Esto deberá declarar o adjuntar
portal-procedure-result = Qué recibe
portal-procedure-rights = Sus derechos
portal-procedure-steps = Paso a paso
portal-procedure-silence = Si la entidad no responde a tiempo
portal-procedure-law = Qué normas lo dicen
portal-silence-positive = Si el plazo vence sin respuesta, la ley da por aprobado su pedido (silencio positivo). El sistema emite solo el documento que lo dice.
portal-silence-negative = Si el plazo vence sin respuesta, usted puede darlo por denegado y apelar (silencio negativo). La entidad sigue obligada a responder.
portal-silence-positive-short = Queda aprobado
portal-silence-negative-short = Usted puede apelar

portal-step = Parte { $now } de { $all }
portal-title-error = Error: { $title }
portal-facts-title = Lo que dicen los registros
portal-facts-why = No tiene que escribirlo ni probarlo: cada registro lo firma.
portal-fact-signed = El registro lo firma
portal-fact-evidence = prueba
portal-fact-waiting = { $authority } todavía no responde. Se lo seguimos pidiendo; no detiene su trámite.
portal-fact-nothing = { $authority } no tiene este dato.
portal-fact-refused = Respuesta rechazada.
portal-not-right = ¿Algo no está bien?
portal-not-right-how = Estos datos se corrigen donde se guardan. Corríjalos allí y vuelva: aquí aparecerán corregidos. Lo que escribió se queda guardado.
portal-asked-title = Lo que solo usted sabe
portal-optional = (opcional)
portal-yes = Sí
portal-no = No
portal-next = Guardar y continuar
portal-later = Guardar y salir
portal-kept = Su sesión había terminado, pero guardamos lo que escribió. Revíselo y continúe.
portal-saved-later = Guardado. Lo encuentra en «Mis trámites» cuando quiera continuar.
portal-file-have = Ya adjuntó:

portal-check-title = Revise antes de presentar
portal-check-lead = Esto es lo que recibirá la entidad. Puede cambiar cada parte.
portal-check-who = Presenta: { $name }.
portal-check-what-happens = Al presentar recibe su constancia al instante, con número, fecha y hora. Desde el día hábil siguiente corre el plazo de ley.
portal-change = Cambiar
portal-no-answer = Sin respuesta
portal-file = Presentar el trámite

portal-receipt-title = Recibimos su trámite
portal-receipt-number = Número de su trámite
portal-receipt-applicant = Presentado por
portal-receipt-presented = Presentado el
portal-receipt-counted = Cuenta como presentado el
portal-receipt-body = Ante
portal-receipt-what = Trámite
portal-receipt-stage = Estado
portal-receipt-verified = Constancia comprobada
portal-receipt-genuine = Esta constancia es auténtica: la emitió esta entidad.
portal-receipt-no-names = Por respeto a la persona, aquí no aparece su nombre.
portal-receipt-qr = Código QR que abre la comprobación pública de esta constancia
portal-receipt-waiting = { $count ->
    [one] Falta la respuesta de un registro. Ya presentó: la pedimos nosotros.
   *[other] Faltan { $count } respuestas de los registros. Ya presentó: las pedimos nosotros.
 }
portal-receipt-pdf = Descargar la constancia (PDF)
portal-receipt-pdf-later = La constancia firmada en PDF está en camino; la encontrará en la página del trámite.
portal-receipt-follow = Ver cómo va mi trámite
portal-receipt-next = Qué pasa ahora
portal-receipt-next-1 = Mesa de partes recibe su pedido y le da el cargo en horario de oficina.
portal-receipt-next-2 = Un funcionario revisa. Si falta algo, se lo dice una sola vez y el plazo se detiene.
portal-receipt-next-3 = Usted recibe la resolución firmada, o el documento de silencio positivo si nadie respondió a tiempo.
portal-code = Código de verificación
portal-print = Imprimir

portal-cord-presented = Presentado
portal-cord-due = Deben responder hasta el
portal-cord-left = { $left ->
    [one] Queda 1 día hábil de { $days }
   *[other] Quedan { $left } días hábiles de { $days }
 }
portal-cord-late = El plazo termina hoy o ya venció
portal-cord-paused = Plazo detenido: esperamos su respuesta
portal-cord-over = { $used ->
    [0] Terminado el mismo día
   *[other] Terminado: se usaron { $used } de { $days } días hábiles
 }

portal-stage-draft = Sin presentar
portal-stage-filed = Presentado
portal-stage-received = Recibido por mesa de partes
portal-stage-review = En revisión
portal-stage-observed = Observado
portal-stage-granted = Aprobado
portal-stage-silence = Aprobado por silencio positivo
portal-stage-denied = Denegado
portal-stage-closed = Concluido
portal-changed = Último cambio:

portal-cases-title = Mis trámites
portal-cases-none = Todavía no tiene trámites.
portal-cases-older = Ver trámites anteriores
portal-cases-yours = Esperan por usted
portal-cases-ours = Los atiende la entidad
portal-cases-done = Terminados
portal-case-files = Documentos
portal-case-events = Qué ha pasado
portal-case-filed = Lo que se presentó
portal-answers-title = Respuestas del formulario
portal-outcome-granted = Su pedido fue aprobado. La resolución firmada está abajo.
portal-outcome-silence = Nadie respondió a tiempo: su pedido quedó aprobado por ley. El documento está abajo.
portal-outcome-denied = Su pedido fue denegado. La resolución dice por qué y cómo apelar.
portal-outcome-closed = El trámite terminó sin decisión.

portal-observed-title = Falta algo de su parte
portal-observed-until = Responda hasta el { $date }
portal-observed-keeps = Si responde a tiempo, conserva la fecha en que presentó.
portal-observed-answer = Su respuesta
portal-observed-file = Documento que adjunta
portal-observed-file-hint = PDF, JPG o PNG, hasta 5 MB.
portal-observed-send = Enviar mi respuesta

portal-looks-title = Quién miró mis datos
portal-looks-lead = Cada vez que una entidad pregunta por usted, queda escrito aquí. Nadie puede borrarlo.
portal-looks-none = Nadie ha preguntado por usted todavía.
portal-looks-count = { $count ->
    [one] 1 consulta
   *[other] { $count } consultas
 }
portal-looks-asked = preguntó a
portal-looks-about = Sobre su empresa o negocio: { $number }
portal-looks-why = Para
portal-looks-ground = Lo permite
portal-looks-what = Miró
portal-looks-entry = entrada del registro n.º
portal-looks-both = las dos entidades lo anotaron
portal-looks-refused = no se respondió
portal-looks-silent = Ahora no pudimos traer la lista de: { $names }. Vuelva a intentar más tarde.
portal-looks-proof = ¿Cómo se prueba?
portal-looks-proof-how = Cada consulta es un mensaje firmado por quien pregunta y por quien responde. Su número de prueba está en un registro que no se puede cambiar sin que se note, y que otra entidad vigila.
portal-looks-wrong = ¿Ve algo que no debería estar?
portal-looks-wrong-how = Escriba a la entidad que preguntó y a la Autoridad Nacional de Protección de Datos Personales, con el número de prueba.

portal-desk-title = Mi mesa
portal-desk-order = Primero, lo que vence antes.
portal-desk-none = No hay expedientes aquí.
portal-desk-filters = Qué expedientes ver
portal-desk-all = Todos
portal-desk-filed = Por recibir
portal-desk-received = Recibidos
portal-desk-review = En evaluación
portal-desk-observed = Observados
portal-desk-late = { $count ->
    [one] 1 expediente pasó su plazo
   *[other] { $count } expedientes pasaron su plazo
 }
portal-desk-missing = { $count ->
    [one] Falta 1 respuesta
   *[other] Faltan { $count } respuestas
 }
portal-desk-list = Expedientes
portal-desk-receive-do = Dar por recibido
portal-desk-evaluate-do = Empezar la evaluación
portal-desk-ask-do = Volver a consultar a los registros
portal-desk-refused = { $count ->
    [one] 1 dato rechazado
   *[other] { $count } datos rechazados
 }
portal-desk-refused-how = La respuesta del registro no pasó la comprobación de firma. No decida con ese dato.
portal-desk-waiting = { $count ->
    [one] Falta la respuesta de un registro.
   *[other] Faltan { $count } respuestas de registros.
 }
portal-desk-problems = Lo que no concuerda
portal-desk-acts = Qué decide
portal-desk-no-acts = Ahora no hay nada que decidir en este expediente.
portal-desk-preview = Ver cómo quedará la resolución
portal-desk-observe = Observar
portal-desk-observe-what = Todo lo que falta se pide una sola vez. El plazo se detiene hasta que respondan.
portal-desk-observe-why = Qué debe corregir o completar
portal-desk-observe-do = Enviar la observación
portal-desk-grant = Aprobar
portal-desk-grant-what = Se emite la resolución con su firma y sello de tiempo, y se notifica.
portal-desk-grant-why = Motivo
portal-desk-grant-do = Firmar y aprobar
portal-desk-deny = Denegar
portal-desk-deny-what = Se emite la resolución denegatoria con su firma y se notifica con el derecho a apelar.
portal-desk-deny-why = Motivo y norma
portal-desk-deny-do = Firmar y denegar

fault-portal-answer = Escriba su respuesta o adjunte un documento.
