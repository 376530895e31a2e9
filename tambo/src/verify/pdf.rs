//! A PDF: each signature with its steps, in the order in which they were made.

use documents::pades::State;
use documents::{Indication, TEXTS, Verifier};
use kernel::Locale;
use web::Texts;

use super::{Report, Trusted};

pub(super) fn verify(bytes: &[u8], trusted: &Trusted, report: &mut Report) {
    let texts = match Texts::new([("web", web::TEXTS), ("documents", TEXTS)]) {
        Ok(texts) => texts,
        Err(error) => return report.failed(error),
    };
    let say = |key: &str| texts.say(Locale::En, key, &[]);
    let verdict = Verifier::new(trusted.anchors()).verify(bytes, trusted.now);
    for signature in &verdict.signatures {
        let field = &signature.field;
        for step in &signature.steps {
            match step.state {
                State::Passed => report.held(format!("{field}: {}", say(step.key))),
                State::Failed => report.failed(format!("{field}: not so: {}", say(step.key))),
                State::Skipped => {}
            }
        }
        if signature.indication == Indication::Valid {
            let when = signature.stamped_at.or(signature.claimed_at);
            let when = when.map(|at| format!(", {at}")).unwrap_or_default();
            let what = if signature.is_stamp {
                "stamped"
            } else {
                "signed"
            };
            report.held(format!("{field}: {what} by {}{when}", signature.signer));
        }
    }
    let Some(reason) = verdict.reason else { return };
    let told = format!(
        "{} ({}: {})",
        say(reason.text_key()),
        reason.word(),
        verdict.detail
    );
    match verdict.indication {
        Indication::Valid => {}
        Indication::Indeterminate => report.open(told),
        Indication::Invalid => report.failed(told),
    }
}
