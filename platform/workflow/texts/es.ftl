# Estados, hechos y errores de los trámites.
workflow-yes = Sí
workflow-no = No

workflow-risk-low = Bajo
workflow-risk-medium = Medio
workflow-risk-high = Alto
workflow-risk-very-high = Muy alto

workflow-state-filed = Presentada
workflow-state-received = Recibida
workflow-state-in-evaluation = En evaluación
workflow-state-observed = Observada
workflow-state-granted = Concedida
workflow-state-denied = Denegada
workflow-state-granted-by-silence = Concedida por silencio
workflow-state-not-presented = No presentada
workflow-state-withdrawn = Retirada

workflow-refusal-bad-signature = La firma de la respuesta no es válida. No confiamos en este dato.
workflow-refusal-not-allowed = El registro no nos permite hacer esta consulta.
workflow-refusal-unknown = El registro no tiene a nadie con este número.

workflow-event-filed = La solicitud se presentó
workflow-event-received = La mesa de partes recibió la solicitud
workflow-event-evaluated = Empezó la evaluación
workflow-event-observed = Se pidió corregir la solicitud
workflow-event-cured = La solicitud se corrigió
workflow-event-extended = El plazo se amplió
workflow-event-granted = La solicitud fue concedida
workflow-event-denied = La solicitud fue denegada
workflow-event-granted-by-silence = Nadie respondió a tiempo: la ley concede lo pedido
workflow-event-not-presented = No se corrigió a tiempo: cuenta como no presentada
workflow-event-withdrawn = La solicitud fue retirada
workflow-event-fact-learned = Un registro respondió
workflow-event-fact-refused = La respuesta de un registro no sirve
workflow-event-asked-again = Se volvió a consultar a un registro
workflow-event-issued = Se emitió un documento

workflow-error-required = Escriba aquí su respuesta.
workflow-error-choose = Elija una de las opciones.
workflow-error-declare = Marque la declaración para seguir.
workflow-error-file-missing = Adjunte el archivo que se pide.
workflow-error-too-long = Es demasiado largo: como máximo { $max } caracteres.
workflow-error-characters = Hay caracteres que no se pueden leer. Vuelva a escribirlo.
workflow-error-number = Escriba solo cifras, sin decimales.
workflow-error-range = Debe ser un número entre { $min } y { $max }.
workflow-error-date = Escriba una fecha que exista: día, mes y año.
workflow-error-place = Elija un distrito de la lista.
workflow-error-place-outside = Ese lugar no pertenece a esta municipalidad.
workflow-error-identifier-shape = El { $name } tiene { $digits } cifras. Cuente las que escribió.
workflow-error-identifier-prefix = Un { $name } no empieza con esas cifras.
workflow-error-identifier-check = Este { $name } no es correcto: revise si cambió o invirtió alguna cifra.
workflow-error-phone = Escriba un número de teléfono, por ejemplo 984 000 111.
workflow-error-email = Escriba un correo como nombre@ejemplo.pe.

fault-workflow-person-only = Esto lo hace cada persona desde su propia cuenta. Ingrese con su cuenta personal.
fault-workflow-own-case = Es su propio trámite: lo resuelve otra persona.
fault-workflow-no-procedure = Aquí no se ofrece ese trámite.
fault-workflow-no-step = Ese paso no existe en este trámite.
fault-workflow-key = El formulario llegó incompleto. Vuelva a abrirlo: lo que escribió está guardado.
fault-workflow-too-many-answers = El formulario trae demasiadas respuestas.
fault-workflow-changed = Alguien más cambió este expediente mientras lo miraba. Ábralo otra vez y decida con lo nuevo.
fault-workflow-ended = Este expediente ya terminó.
fault-workflow-state = En el estado en que está el expediente, eso no se puede hacer.
fault-workflow-observed-before = Esta solicitud ya se observó una vez. La ley no permite una segunda observación.
fault-workflow-cure-time = Los días para corregir ya pasaron.
fault-workflow-no-silence = El silencio todavía no tiene efecto.
fault-workflow-too-late = El plazo venció y la ley ya concedió lo pedido. Ya no se puede resolver de otra manera.
fault-workflow-facts-pending = { $count ->
    [one] Falta un dato de un registro. No se puede conceder sin él.
   *[other] Faltan { $count } datos de registros. No se puede conceder sin ellos.
 }
fault-workflow-extended-before = El plazo ya se amplió una vez.
fault-workflow-extension-days = Se puede ampliar como mucho tantos días como dura el plazo.
fault-workflow-reasons-missing = Escriba los motivos: la persona los va a leer.
fault-workflow-reasons-long = Los motivos son demasiado largos: como máximo { $max } caracteres.
fault-workflow-nothing-to-ask = No hay ninguna respuesta de ese registro que haya que volver a pedir.
