//! QR codes as inline drawings. Read by the receipt.

use fast_qr::{ECL, QRBuilder};
use maud::{Markup, html};

/// Quiet zone around the code, in modules; ISO/IEC 18004 asks for four.
const QUIET: usize = 4;

/// The code for `text` with its description, or nothing if the text is too long for a QR code.
pub fn qr(text: &str, label: &str) -> Markup {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else {
        return html! {};
    };
    let size = code.size + 2 * QUIET;
    let mut path = String::new();
    for (y, row) in code.data.chunks(code.size).take(code.size).enumerate() {
        runs(row, |x, length| {
            path.push_str(&format!("M{} {}h{length}", x + QUIET, y + QUIET));
        });
    }
    html! {
        svg.qr role="img" aria-label=(label) viewBox=(format!("0 0 {size} {size}")) {
            path d=(format!("M0 0h{size}v{size}H0z")) fill="#fff" {}
            path d=(path) stroke="#000" transform="translate(0 .5)" {}
        }
    }
}

/// Calls `each(start, length)` for every run of dark modules in a row.
fn runs(row: &[fast_qr::Module], mut each: impl FnMut(usize, usize)) {
    let mut start = None;
    for (x, module) in row.iter().enumerate() {
        match (module.value(), start) {
            (true, None) => start = Some(x),
            (false, Some(from)) => {
                each(from, x - from);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        each(from, row.len() - from);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_has_its_quiet_zone_and_its_description() {
        let drawn = super::qr("https://example.gob.pe/verify/ABCD", "Código").into_string();
        assert!(drawn.contains("aria-label=\"Código\"") && drawn.contains("M4 4h7"));
        assert_eq!(super::qr(&"x".repeat(9_000), "").into_string(), "");
    }
}
