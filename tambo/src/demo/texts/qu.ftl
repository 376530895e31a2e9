demo-menu = Rikuchiy
demo-title = Pitaq pi
demo-lead = Kayqa yachanapaq llaqtallan: runakunapas negociokunapas yuyaychasqa, firmakunataq chiqaq. Mayqinpa sutinpipas haykuy.
demo-citizens = Llaqta runakuna
demo-officials = Municipalidadpi llank'aqkuna
demo-enter = { $name } hina haykuy
demo-clock = Llaqtaq pachan
demo-clock-now = Kunanqa
demo-clock-forward = { $days ->
    [one] 1 p'unchaw ñawpaqman
   *[other] { $days } p'unchaw ñawpaqman
 }
demo-clock-why = Mana pipas p'unchawninpi kutichiptinqa, ley licenciata qun: pachata ñawpaqman kuyuchiy, expedienteta qhaway.
demo-story-99000011 = Mikhuna wasita kichan, Sumaq Mikhuna E.I.R.L. empresaq umalliqnin kaspa.
demo-story-99000022 = K'ullu llamk'aq; kikin RUC 10 yupayninwan tallerninpaq licenciata mañan.
demo-story-99000033 = Mana rikuq; artesanía qhatuta kichan, pantalla ñawinchaqwan llapanta ruwan.
demo-story-99000044 = Runasimita rimaq; aqha wasinpaq licenciata munan, mana llaqtaman purispa.
demo-story-99000055 = Transportes Salkantay S.A.C. empresarayku rimanan tukusqaña: registro nin.
demo-story-99000066 = Samana wasinta mana tarinkuchu; kamachiq manaraq kutichispa rikun.
demo-story-99000077 = 2024 watapi wañupurqan: sutinpi mana pipas mañakuyta atinchu.
demo-story-99000088 = Manaraq RUCniyuq: maypi hurqunanta p'anqa willan, qillqasqantapas waqaychan.
demo-story-99000099 = Iskay empresata kamachin, mayqinrayku ruwananta akllan.
demo-story-99000101 = Municipalidadman haywasqakunata chaskin.
demo-story-99000112 = Licenciakunata qhawan: allichachin, qun otaq mana qunchu.
demo-story-99000123 = Qhatuykuna umalliq: kutichin, firman.
demo-story-99000134 = Municipalidadpa nodonta qhawan; manan ima expedientetapas rikunchu.
