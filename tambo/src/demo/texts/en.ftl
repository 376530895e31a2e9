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
demo-story-99000011 = Opens a restaurant as manager of Sumaq Mikhuna E.I.R.L.
demo-story-99000022 = Carpenter; licenses his workshop under his own RUC 10.
demo-story-99000033 = Blind; opens a crafts shop and does everything with a screen reader.
demo-story-99000044 = Speaks Quechua; wants her chicha house licensed without walking to town.
demo-story-99000055 = His power to represent Transportes Salkantay S.A.C. has ended: the registry says so.
demo-story-99000066 = Her hostel can't be found by the tax office: the official sees it before deciding.
demo-story-99000077 = Died in 2024: nobody can file in his name.
demo-story-99000088 = Has no RUC yet: the page says where to get one and keeps what he typed.
demo-story-99000099 = Manages two firms and chooses for which one she acts.
demo-story-99000101 = Receives what is filed at the municipality.
demo-story-99000112 = Reviews licences: observes, grants or denies.
demo-story-99000123 = Manager of economic development: decides and signs.
demo-story-99000134 = Keeps the municipality's node running; sees no case.
