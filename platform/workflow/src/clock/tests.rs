//! The law's clock against hand-computed dates of 2026, against a naive model, and against its properties.

use jiff::ToSpan;
use jiff::civil::{Date, date, time};
use kernel::Moment;
use proptest::prelude::*;

use super::*;

const HOLIDAYS: &str = include_str!("../../../../country/pe/holidays.toml");

fn lima() -> Calendar {
    let holidays = Calendar::read_holidays(HOLIDAYS).expect("the country's holidays");
    Calendar::new("America/Lima", "08", &holidays, Hours::usual()).expect("a calendar")
}

fn at(text: &str) -> Moment {
    Moment::parse_iso(text).expect("a moment")
}

/// Days added, from, hand-computed end: holidays of 2026 as the laws name them.
const DAYS: [(Date, u32, Date, &str); 12] = [
    (date(2026, 11, 23), 2, date(2026, 11, 25), "Monday + 2"),
    (date(2026, 11, 23), 8, date(2026, 12, 3), "over one weekend"),
    (
        date(2026, 12, 3),
        2,
        date(2026, 12, 7),
        "Thursday + 2 over the weekend",
    ),
    (
        date(2026, 12, 4),
        2,
        date(2026, 12, 10),
        "Dec 8 and 9 are holidays",
    ),
    (
        date(2026, 3, 31),
        2,
        date(2026, 4, 6),
        "Holy Thursday and Friday",
    ),
    (
        date(2026, 7, 22),
        3,
        date(2026, 7, 30),
        "23 Air Force; 24, 27; 28-29 Fiestas; 30",
    ),
    (date(2026, 8, 5), 1, date(2026, 8, 7), "Junín on Thursday 6"),
    (
        date(2026, 10, 7),
        2,
        date(2026, 10, 12),
        "Angamos on Thursday 8",
    ),
    (
        date(2026, 12, 24),
        1,
        date(2026, 12, 28),
        "Christmas on Friday",
    ),
    (
        date(2026, 12, 31),
        1,
        date(2027, 1, 4),
        "New Year on Friday",
    ),
    (date(2026, 4, 30), 1, date(2026, 5, 4), "1 May on Friday"),
    (
        date(2026, 6, 26),
        1,
        date(2026, 6, 30),
        "St Peter on Monday 29",
    ),
];

#[test]
fn business_days_end_where_the_hand_counts_them() {
    let calendar = lima();
    for (from, days, expected, why) in DAYS {
        assert_eq!(Term::Days(days).end(&calendar, from), expected, "{why}");
    }
}

#[test]
fn months_run_from_date_to_date() {
    let calendar = lima();
    let end = |from, months| Term::Months(months).end(&calendar, from);
    assert_eq!(
        end(date(2026, 1, 15), 1),
        date(2026, 2, 16),
        "15 Feb 2026 is a Sunday"
    );
    assert_eq!(
        end(date(2026, 1, 30), 1),
        date(2026, 3, 2),
        "no 30 Feb: first business day of March"
    );
    assert_eq!(
        end(date(2026, 3, 30), 1),
        date(2026, 4, 30),
        "an equal day on a Thursday"
    );
    assert_eq!(
        end(date(2026, 3, 31), 1),
        date(2026, 5, 4),
        "no 31 April; 1 May and the weekend"
    );
    assert_eq!(
        Term::Years(1).end(&calendar, date(2026, 11, 23)),
        date(2027, 11, 23)
    );
    assert_eq!(
        Term::Years(1).end(&calendar, date(2028, 2, 29)),
        date(2029, 3, 1)
    );
}

#[test]
fn the_two_readings_of_a_late_filing() {
    let calendar = lima();
    let same_day = Reception::always(CutOff::SameDay, "Res. 0518-2024/SEL-INDECOPI");
    let office = Reception::always(CutOff::OfficeHours, "DS 075-2023-PCM");
    let table = [
        (
            "2026-11-23T10:00:00-05:00",
            date(2026, 11, 23),
            date(2026, 11, 23),
        ),
        (
            "2026-11-23T16:29:59-05:00",
            date(2026, 11, 23),
            date(2026, 11, 23),
        ),
        (
            "2026-11-23T16:30:00-05:00",
            date(2026, 11, 23),
            date(2026, 11, 24),
        ),
        (
            "2026-11-23T23:59:59-05:00",
            date(2026, 11, 23),
            date(2026, 11, 24),
        ),
        (
            "2026-11-24T00:00:00-05:00",
            date(2026, 11, 24),
            date(2026, 11, 24),
        ),
        (
            "2026-11-28T11:00:00-05:00",
            date(2026, 11, 30),
            date(2026, 11, 30),
        ),
        (
            "2026-12-07T22:00:00-05:00",
            date(2026, 12, 7),
            date(2026, 12, 10),
        ),
        (
            "2026-12-08T09:00:00-05:00",
            date(2026, 12, 10),
            date(2026, 12, 10),
        ),
    ];
    for (moment, lenient, strict) in table {
        assert_eq!(
            same_day.counted_on(&calendar, at(moment)),
            lenient,
            "{moment}"
        );
        assert_eq!(office.counted_on(&calendar, at(moment)), strict, "{moment}");
    }
}

#[test]
fn a_policy_applies_from_its_day() {
    let calendar = lima();
    let policy = |from, cut_off| ReceptionPolicy {
        from,
        cut_off,
        source: "directive".into(),
    };
    let reception = Reception::new(vec![
        policy(date(2026, 6, 1), CutOff::SameDay),
        policy(date(2024, 1, 1), CutOff::OfficeHours),
    ]);
    let counted = |moment| reception.counted_on(&calendar, at(moment));
    assert_eq!(counted("2026-05-28T20:00:00-05:00"), date(2026, 5, 29));
    assert_eq!(counted("2026-06-01T20:00:00-05:00"), date(2026, 6, 1));
    assert_eq!(
        counted("2023-05-30T20:00:00-05:00"),
        date(2023, 5, 30),
        "none yet: the applicant's reading"
    );
}

#[test]
fn the_desk_receives_in_office_hours() {
    let calendar = lima();
    let received = |moment| Reception::received_at(&calendar, at(moment));
    let table = [
        ("2026-11-23T10:00:00-05:00", "2026-11-23T10:00:00-05:00"),
        ("2026-11-23T06:30:00-05:00", "2026-11-23T08:00:00-05:00"),
        ("2026-11-23T19:00:00-05:00", "2026-11-24T08:00:00-05:00"),
        ("2026-12-05T12:00:00-05:00", "2026-12-07T08:00:00-05:00"),
    ];
    for (presented, expected) in table {
        assert_eq!(received(presented), at(expected), "{presented}");
    }
}

#[test]
fn silence_waits_for_the_notification_term() {
    let calendar = lima();
    let timeline = Timeline::new(date(2026, 11, 23), 2, 5);
    assert_eq!(
        timeline.deadline(&calendar),
        Some(at("2026-11-25T23:59:59-05:00"))
    );
    assert_eq!(
        timeline.silence_from(&calendar),
        Some(at("2026-12-03T00:00:00-05:00"))
    );
    let extended = Timeline {
        extension_days: 1,
        ..timeline.clone()
    };
    assert_eq!(extended.last_day(&calendar), Some(date(2026, 11, 26)));
    assert_eq!(timeline.days_left(&calendar, date(2026, 11, 23)), Some(2));
    assert_eq!(timeline.days_left(&calendar, date(2026, 11, 25)), Some(0));
    assert_eq!(timeline.days_left(&calendar, date(2026, 11, 27)), Some(-2));
}

#[test]
fn an_observation_stops_the_clock() {
    let calendar = lima();
    let mut timeline = Timeline::new(date(2026, 11, 23), 8, 5);
    timeline.pause(date(2026, 11, 24));
    assert_eq!(timeline.deadline(&calendar), None);
    assert_eq!(timeline.silence_from(&calendar), None);
    timeline.resume(date(2026, 11, 26));
    // 25 and 26 November did not count: 3 December becomes 7 December.
    assert_eq!(timeline.last_day(&calendar), Some(date(2026, 12, 7)));
}

#[test]
fn regional_holidays_bind_their_region_only() {
    let mut holidays = Calendar::read_holidays(HOLIDAYS).expect("the country's holidays");
    holidays.push(Holiday {
        date: date(2026, 6, 24),
        name: "Inti Raymi".into(),
        law: "declared for the region of Cusco".into(),
        region: Some("08".into()),
    });
    let calendar = |region| Calendar::new("America/Lima", region, &holidays, Hours::usual());
    assert!(
        !calendar("08")
            .expect("Cusco")
            .is_business(date(2026, 6, 24))
    );
    assert!(calendar("15").expect("Lima").is_business(date(2026, 6, 24)));
}

#[test]
fn wrong_calendars_are_refused() {
    let hours = Hours {
        open: time(17, 0, 0, 0),
        close: time(8, 0, 0, 0),
    };
    let refused = |zone, hours| Calendar::new(zone, "", &[], hours).expect_err("refused");
    assert_eq!(refused("America/Lima", hours), CalendarError::NeverOpen);
    assert!(matches!(
        refused("America/Lma", Hours::usual()),
        CalendarError::Zone(_)
    ));
    let all_year: Vec<Holiday> = (0..100)
        .map(|n| Holiday {
            date: date(2026, 1, 1).saturating_add(n.days()),
            name: "closed".into(),
            law: "none".into(),
            region: None,
        })
        .collect();
    let closed = Calendar::new("America/Lima", "", &all_year, Hours::usual());
    assert!(matches!(closed, Err(CalendarError::NoBusinessDay(_))));
    assert!(Calendar::read_holidays("[[holiday]]\ndate = 2026-01-01\nnam = 'x'").is_err());
}

/// The oracle is the PyPI package `holidays`, which counts Easter Sunday as well; a Sunday never changes a limit.
#[test]
fn the_holidays_agree_with_the_python_package() {
    let script = "import holidays,sys\nfor y in (2025,2026,2027,2028):\n \
                  [print(d) for d in sorted(holidays.PE(years=y)) if d.weekday()<5]";
    let python = std::env::var("TAMBO_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        eprintln!("not run: no Python with the package `holidays` (name one in TAMBO_TEST_PYTHON)");
        return;
    };
    let theirs: Vec<Date> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.parse().expect("a date"))
        .collect();
    let ours: Vec<Date> = Calendar::read_holidays(HOLIDAYS)
        .expect("holidays")
        .into_iter()
        .map(|holiday| holiday.date)
        .filter(|day| day.weekday().to_monday_zero_offset() < 5)
        .collect();
    assert_eq!(ours, theirs);
}

/// An independent model: walks day by day and ticks off each one that counts.
fn naive_end(calendar: &Calendar, timeline: &Timeline, wanted: u32) -> Date {
    let mut ticked = 0;
    let mut day = timeline.counted_on;
    let mut last = day;
    while ticked < wanted || !calendar.is_business(last) {
        day = day.tomorrow().expect("within jiff's years");
        let weekend = matches!(day.weekday().to_monday_zero_offset(), 5 | 6);
        let holiday = HOLIDAYS.contains(&format!("date = \"{day}\""));
        let stopped = timeline
            .pauses
            .iter()
            .any(|p| p.from < day && Some(day) <= p.to);
        if weekend || holiday {
            continue;
        }
        last = day;
        ticked += u32::from(!stopped);
    }
    last
}

fn days() -> impl Strategy<Value = Date> {
    (0_i64..1000).prop_map(|n| date(2025, 1, 2).saturating_add(n.days()))
}

proptest! {
    #[test]
    fn a_limit_never_ends_on_a_closed_day(from in days(), count in 0_u32..60, kind in 0..3) {
        let calendar = lima();
        let term = match kind {
            0 => Term::Days(count),
            1 => Term::Months(count % 13),
            _ => Term::Years(count % 2),
        };
        let end = term.end(&calendar, from);
        prop_assert!(calendar.is_business(end));
        prop_assert!(end >= from);
    }

    #[test]
    fn later_filings_and_longer_limits_never_end_earlier(a in days(), b in days(), n in 1_u32..40) {
        let calendar = lima();
        let (first, second) = (a.min(b), a.max(b));
        prop_assert!(Term::Days(n).end(&calendar, first) <= Term::Days(n).end(&calendar, second));
        prop_assert!(Term::Days(n).end(&calendar, a) < Term::Days(n + 1).end(&calendar, a));
        prop_assert!(Term::Months(n % 12).end(&calendar, first) <= Term::Months(n % 12).end(&calendar, second));
    }

    #[test]
    fn adding_then_counting_gives_the_days_back(from in days(), n in 1_u32..60) {
        let calendar = lima();
        prop_assert_eq!(calendar.between(from, calendar.add(from, n)), n);
    }

    #[test]
    fn a_suspension_adds_exactly_its_business_days(
        from in days(), n in 1_u32..30, into in 0_u32..30, open in 0_u32..10,
    ) {
        let calendar = lima();
        let from = calendar.on_or_after(from);
        let plain = Timeline::new(from, n, 5);
        let began = calendar.add(from, into.min(n - 1));
        let ended = began.saturating_add(i64::from(open).days());
        let mut paused = plain.clone();
        paused.pause(began);
        paused.resume(ended);
        let stopped = calendar.between(began, ended);
        let plain_end = plain.last_day(&calendar).expect("it runs");
        prop_assert_eq!(paused.last_day(&calendar), Some(calendar.add(plain_end, stopped)));
    }

    #[test]
    fn an_independent_model_agrees(
        from in days(), n in 1_u32..30, holds in proptest::collection::vec((0_i64..40, 0_i64..10), 0..3),
    ) {
        let calendar = lima();
        let from = calendar.on_or_after(from);
        let mut timeline = Timeline::new(from, n, 5);
        for (start, length) in holds {
            let began = from.saturating_add(start.days());
            timeline.pauses.push(Pause { from: began, to: Some(began.saturating_add(length.days())) });
        }
        prop_assert_eq!(timeline.last_day(&calendar), Some(naive_end(&calendar, &timeline, n)));
    }

    #[test]
    fn reception_never_counts_for_an_earlier_day(from in days(), seconds in 0_i64..86_400, strict: bool) {
        let calendar = lima();
        let moment = calendar.start_of(from).plus_seconds(seconds);
        let cut_off = if strict { CutOff::OfficeHours } else { CutOff::SameDay };
        let counted = Reception::always(cut_off, "x").counted_on(&calendar, moment);
        prop_assert!(calendar.is_business(counted) && counted >= from);
        let received = Reception::received_at(&calendar, moment);
        prop_assert!(received >= moment && calendar.is_open(received));
    }

    #[test]
    fn days_used_and_days_left_make_the_limit(
        from in days(), n in 1_u32..30, into in 0_u32..30, open in 0_i64..10, later in 0_i64..60,
    ) {
        let calendar = lima();
        let from = calendar.on_or_after(from);
        let mut timeline = Timeline::new(from, n, 5);
        let began = calendar.add(from, into.min(n - 1));
        timeline.pause(began);
        timeline.resume(began.saturating_add(open.days()));
        let last = timeline.last_day(&calendar).expect("it runs");
        prop_assert_eq!(timeline.used(&calendar, last), n);
        prop_assert_eq!(timeline.used(&calendar, from), 0);
        let day = from.saturating_add(later.days());
        let used = timeline.used(&calendar, day);
        prop_assert_eq!(used >= n, day >= last);
    }
}
