//! A message container, judged by the parameters of each ecosystem that the reader trusts.
//!
//! Signatures cover the files of an archive, not what lies around them. A container that this program packed is packed
//! again and compared byte by byte, so that a change there is told too; of other programs' archives it says so.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kernel::Moment;
use trust::asic::{self, Container};

use super::{Report, Trusted};

pub(super) fn verify(bytes: &[u8], trusted: &Trusted, report: &mut Report) {
    let reports: Vec<_> = trusted
        .ecosystems
        .iter()
        .map(|params| asic::verify_container(bytes, params, trusted.now))
        .collect();
    // The ecosystem in which most held is the one the container is from.
    let best = reports
        .into_iter()
        .max_by_key(|judged| (judged.is_valid(), judged.steps.len()));
    let Some(best) = best else {
        return without_ecosystem(bytes, report);
    };
    for step in &best.steps {
        let by = step
            .by
            .as_ref()
            .map(|by| format!(", by {by}"))
            .unwrap_or_default();
        let at = step.at.map(|at| format!(", at {at}")).unwrap_or_default();
        report.held(format!("{:?}: {}{by}{at}", step.check, step.finding));
    }
    match best.verdict {
        Ok(proof) => {
            packaging(bytes, report);
            let kind = if proof.sender().response {
                "answer"
            } else {
                "question"
            };
            let (member, stamped) = (&proof.sender().member, proof.stamped_at());
            report.held(format!("{kind} of {member}, stamped {stamped}"));
        }
        Err(refusal) => {
            report.failed(format!(
                "{:?}: {} ({})",
                refusal.check, refusal.reason, refusal.code
            ));
        }
    }
}

/// Without any trusted ecosystem only the container's own coherence can be told.
fn without_ecosystem(bytes: &[u8], report: &mut Report) {
    match Container::read(bytes) {
        Ok(container) => {
            report.held("Container: its files belong together");
            match container.verify_signature() {
                Ok(_) => report.held("Signature: it covers the message"),
                Err(error) => report.failed(format!("Signature: {error} ({})", error.code())),
            }
            report.open("no ecosystem is trusted here: who signed and when can't be told");
        }
        Err(error) => report.failed(format!("Container: {error} ({})", error.code())),
    }
}

/// Where the date stands in a file's own header and in the archive's list.
const DATE_AT: usize = 10;
const LISTED_DATE_AT: usize = 12;
/// An archive that agrees with our own packing in more than this percentage of its bytes is our own, changed.
const OWN_PERCENT: usize = 90;

/// Tells whether the archive around the proven files is as this program packs it.
fn packaging(bytes: &[u8], report: &mut Report) {
    let opened = Container::open(bytes).ok();
    let listed = bytes.windows(4).rposition(|four| four == b"PK\x01\x02");
    let dates = [Some(DATE_AT), listed.map(|at| at + LISTED_DATE_AT)];
    let packings = dates.into_iter().flatten().filter_map(|at| {
        let packed = packed_at(bytes, at)?;
        opened.as_ref()?.container.to_bytes(packed).ok()
    });
    let agreed = |again: &Vec<u8>| agreement(bytes, again);
    let again = packings.max_by_key(agreed).unwrap_or_default();
    if again == bytes {
        report.held("Container: every byte of the archive is accounted for");
    } else if agreement(bytes, &again) * 100 > bytes.len() * OWN_PERCENT {
        let same = bytes
            .iter()
            .zip(&again)
            .take_while(|(one, other)| one == other);
        let byte = same.count();
        report.open(format!(
            "byte {byte}: the archive is not packed as this program packs it"
        ));
    } else {
        report.held(
            "Container: packed by another program; dates in the archive's own lists are not proven",
        );
    }
}

/// How many bytes of two archives agree, from the front and from the back.
fn agreement(one: &[u8], other: &[u8]) -> usize {
    let equal = |(one, other): &(&u8, &u8)| one == other;
    if one.len() == other.len() {
        return one.iter().zip(other).filter(equal).count();
    }
    let front = one.iter().zip(other).take_while(equal).count();
    front
        + one
            .iter()
            .rev()
            .zip(other.iter().rev())
            .take_while(equal)
            .count()
}

/// The date at this place (MS-DOS form, two seconds exact), in UTC.
fn packed_at(bytes: &[u8], place: usize) -> Option<Moment> {
    let field = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (time, date) = (field(place)?, field(place + 2)?);
    let part =
        |value: u16, shift: u16, bits: u16| i8::try_from((value >> shift) & ((1 << bits) - 1)).ok();
    let year = i16::try_from(1980 + (date >> 9)).ok()?;
    let clock = (part(time, 11, 5)?, part(time, 5, 6)?, part(time, 0, 5)? * 2);
    let local = DateTime::new(
        year,
        part(date, 5, 4)?,
        part(date, 0, 5)?,
        clock.0,
        clock.1,
        clock.2,
        0,
    )
    .ok()?;
    Some(Moment(
        TimeZone::UTC.to_timestamp(local).ok()?.as_microsecond(),
    ))
}
