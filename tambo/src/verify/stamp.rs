//! A time stamp beside the file that it covers: `decision.pdf.tsr` beside `decision.pdf`.

use std::path::Path;

use trust::cms::SignedData;
use trust::{TrustError, tsp};

use super::{Report, Trusted, whole};

pub(super) fn verify(bytes: &[u8], path: &Path, trusted: &Trusted, report: &mut Report) {
    let token = match SignedData::from_der(bytes) {
        Ok(_) => bytes.to_vec(),
        Err(_) => match tsp::token_of(bytes) {
            Ok(token) => token.to_vec(),
            Err(error) => return report.failed(format!("byte 0: {error}")),
        },
    };
    let covered = path.with_extension("");
    let data = match whole(&covered) {
        Ok(data) if covered != path => data,
        _ => return report.open("the file that it covers is not beside it, under its own name"),
    };
    report.held("the file has the form of a time stamp");
    let mut others = trusted.anchors.clone();
    let units = trusted
        .ecosystems
        .iter()
        .flat_map(|params| &params.stampers);
    others.extend(units.map(|stamper| stamper.certificate.clone()));
    match tsp::verify_token(
        &token,
        |hash| hash.digest(&data),
        &trusted.anchors(),
        &others,
    ) {
        Ok(stamped) => {
            let unit = stamped.unit().leaf().subject().to_string();
            report.held(format!(
                "{} existed at {}, by {unit}",
                covered.display(),
                stamped.at()
            ));
        }
        Err(error @ TrustError::Refused { .. }) => report.open(error),
        Err(error) => report.failed(error),
    }
}
