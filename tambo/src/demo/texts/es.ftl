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
demo-story-99000011 = Abre un restaurante como gerente de Sumaq Mikhuna E.I.R.L.
demo-story-99000022 = Carpintero; pide licencia para su taller con su propio RUC 10.
demo-story-99000033 = Es ciega; abre una tienda de artesanía y hace todo con lector de pantalla.
demo-story-99000044 = Habla quechua; quiere la licencia de su chichería sin caminar hasta el pueblo.
demo-story-99000055 = Su poder para representar a Transportes Salkantay S.A.C. ya venció: el registro lo dice.
demo-story-99000066 = Su hospedaje figura como no habido: el funcionario lo ve antes de decidir.
demo-story-99000077 = Falleció en 2024: nadie puede presentar nada en su nombre.
demo-story-99000088 = Todavía no tiene RUC: la página le dice dónde sacarlo y guarda lo que escribió.
demo-story-99000099 = Dirige dos empresas y elige por cuál actúa.
demo-story-99000101 = Recibe lo que se presenta en la municipalidad.
demo-story-99000112 = Revisa las licencias: observa, concede o deniega.
demo-story-99000123 = Gerenta de desarrollo económico: decide y firma.
demo-story-99000134 = Mantiene el nodo de la municipalidad; no ve ningún expediente.
