demo-menu = Demo
demo-title = Who is who
demo-lead = This is a simulated country: people and firms are invented, signatures and logs are real. Act as any of them.
demo-citizens = Citizens
demo-officials = The municipality's officials
demo-enter = Act as { $name }
demo-clock = The country's clock
demo-clock-now = It is now
demo-clock-forward = { $days ->
    [one] Move forward 1 day
   *[other] Move forward { $days } days
 }
demo-clock-why = If nobody decides in time, the law grants the licence: move the clock and look at the case.
