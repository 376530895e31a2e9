demo-menu = Demostración
demo-title = Quién es quién
demo-lead = Este es un país simulado: personas y empresas son inventadas, las firmas y los registros funcionan de verdad. Entra como cualquiera de ellas.
demo-citizens = Ciudadanas y ciudadanos
demo-officials = Personal de la municipalidad
demo-enter = Entrar como { $name }
demo-clock = El reloj del país
demo-clock-now = Ahora es
demo-clock-forward = { $days ->
    [one] Avanzar 1 día
   *[other] Avanzar { $days } días
 }
demo-clock-why = Si nadie decide a tiempo, la ley concede la licencia: avanza el reloj y mira el expediente.
