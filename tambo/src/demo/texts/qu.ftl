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
