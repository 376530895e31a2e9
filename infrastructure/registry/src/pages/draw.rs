//! The instance as a quipu: the authority is the main cord, each member a pendant, each subsystem a knot.

use maud::{Markup, html};
use web::Visit;

use crate::look::{Drawing, Pendant};

/// Width of the drawing in SVG units.
const WIDTH: usize = 640;
/// From the main cord to a pendant's first knot, and room below the last one.
const DROP: usize = 34;
const MARGIN: usize = 10;
/// Where the main cord hangs.
const TOP: usize = 16;
/// Distance between two knots.
const STEP: usize = 16;
/// Most knots drawn on one pendant.
const KNOTS_MAX: usize = 6;

/// The drawing with its figures in words.
pub fn quipu(visit: &Visit, drawing: &Drawing) -> Markup {
    let count = |number: usize| visit.number(i64::try_from(number).unwrap_or(i64::MAX));
    let words = visit.tt(
        "registry-figures",
        &[
            ("members", count(drawing.members).into()),
            ("servers", count(drawing.servers).into()),
            ("subsystems", count(drawing.subsystems).into()),
        ],
    );
    let knots = drawing.pendants.iter().map(|pendant| pendant.knots);
    let longest = knots.max().unwrap_or(1).clamp(1, KNOTS_MAX);
    let view = format!("0 0 {WIDTH} {}", TOP + DROP + STEP * longest + MARGIN);
    html! {
        figure.card {
            figcaption { b { (words) } }
            @if !drawing.pendants.is_empty() {
                svg viewBox=(view) width="100%" role="img" aria-label=(words) focusable="false" {
                    path d=(format!("M8 {TOP} Q{} {} {} {TOP}", WIDTH / 2, TOP + 10, WIDTH - 8)) fill="none"
                        stroke="#0b7a8f" stroke-width="7" stroke-linecap="round" {}
                    @for (at, pendant) in drawing.pendants.iter().enumerate() {
                        (pendant_of(visit, pendant, place(at, drawing.pendants.len())))
                    }
                }
            }
        }
    }
}

fn place(at: usize, of: usize) -> usize {
    WIDTH * (at + 1) / (of + 1)
}

fn pendant_of(visit: &Visit, pendant: &Pendant, x: usize) -> Markup {
    let knots = pendant.knots.min(KNOTS_MAX);
    let end = TOP + DROP + STEP * knots.max(1);
    let dashes = pendant.resting.then_some("5 6");
    let told = match pendant.resting {
        true => format!("{} ({})", pendant.name, visit.t("registry-maintenance")),
        false => pendant.name.clone(),
    };
    html! {
        g {
            title { (told) }
            path d=(format!("M{x} {} V{end}", TOP + 4)) fill="none" stroke="#b06a2c" stroke-width="3"
                stroke-linecap="round" stroke-dasharray=[dashes] {}
            @for knot in 0..knots {
                circle cx=(x) cy=(TOP + 30 + STEP * knot) r="5.5" fill="#d0566b" {}
            }
        }
    }
}
