# El marco de todas las páginas y los avisos generales.
web-skip = Ir al contenido
web-language = Idioma
web-menu = Menú
web-back = Volver
web-account = Mi cuenta
web-sign-in = Ingresar
web-sign-out = Salir
web-reference = Número de referencia de esta página:
web-simulated = Este es un país de prueba. Las personas y los negocios no existen; nada de lo que haga aquí tiene efecto legal.

web-date = { $day } de { $month } de { $year }
web-weekday-date = { $weekday } { $day } de { $month } de { $year }
web-date-time = { $date }, { $time } h
web-month-1 = enero
web-month-2 = febrero
web-month-3 = marzo
web-month-4 = abril
web-month-5 = mayo
web-month-6 = junio
web-month-7 = julio
web-month-8 = agosto
web-month-9 = setiembre
web-month-10 = octubre
web-month-11 = noviembre
web-month-12 = diciembre
web-weekday-1 = lunes
web-weekday-2 = martes
web-weekday-3 = miércoles
web-weekday-4 = jueves
web-weekday-5 = viernes
web-weekday-6 = sábado
web-weekday-7 = domingo

web-error-summary = Revise lo siguiente
web-optional = opcional
web-error-prefix = Error:
web-source = Lo declara { $who }, { $when }
web-evidence = Constancia
web-newer = Anteriores
web-older = Siguientes
web-pages = Páginas
web-days = { $n ->
    [one] { $n } día
   *[other] { $n } días
 }
web-meter-of = { $done } de { $total }

web-error-invalid = Falta corregir algo
web-error-sign-in = Ingrese para continuar
web-error-denied = No tiene permiso para esto
web-error-missing = No lo encontramos
web-error-conflict = Esto ya cambió
web-error-too-large = Es demasiado grande
web-error-too-many = Demasiados intentos seguidos
web-error-upstream = Otra entidad no respondió bien
web-error-unavailable = Ahora no podemos atenderle
web-error-internal = Tuvimos una falla
web-error-code = Referencia: { $reference }
web-error-reference = Si llama o escribe por este asunto, dé este número: { $reference }
web-error-contact = Cómo encontrarnos: { $contact }
web-error-home = Ir al inicio

web-resend-title = Su sesión terminó, pero no perdió nada
web-resend-words = Pasó un buen rato y por seguridad cerramos su sesión. Lo que escribió está guardado en esta página: no la cierre.
web-resend-first = Ingrese otra vez. Se abre en una pestaña nueva.
web-resend-second = Vuelva a esta pestaña y envíe lo que había escrito.
web-resend-button = Enviar otra vez

fault-internal = La falla es nuestra, no suya. Lo que ya tenía constancia está guardado. Intente otra vez en unos minutos.
fault-full = En este momento no hay espacio para guardar nada más. El operador ya lo sabe; intente más tarde. Lo que ya tenía constancia está guardado.
fault-unavailable = El sistema está descansando o reparándose. Intente otra vez en unos minutos; lo que ya tenía constancia está guardado.
fault-busy = Hay mucha gente a la vez. Espere un momento e intente otra vez.
fault-slow = La respuesta tardó demasiado y la detuvimos. Mire si su trámite aparece en «Mis trámites» antes de enviarlo otra vez.
fault-missing = Lo que busca no existe, o no es suyo.
fault-no-page = Esta dirección no existe. Puede que esté mal escrita o que la página se haya movido.
fault-method = Esta dirección no se usa así. Vuelva a la página anterior e intente otra vez.
fault-sign-in = Para ver esto tiene que ingresar.
fault-denied = Su cuenta no tiene permiso para ver o hacer esto.
fault-csrf = No pudimos comprobar que este formulario salió de su página. Vuelva atrás, actualice la página y envíelo otra vez.
fault-form = El formulario llegó incompleto o dañado. Vuelva atrás y envíelo otra vez.
fault-too-large = Lo que envió pesa más de lo que podemos recibir. Pruebe con un archivo más liviano.
fault-too-many-files = Envió demasiados archivos a la vez. Envíelos por partes.
fault-too-many = Desde esta conexión llegaron muchos pedidos seguidos. Espere un minuto e intente otra vez.
