//! Drawn signs: the QR image's modules and the ornament of the letterhead.
//!
//! The ornament is the stepped cross of the Andes (chakana), not the arms of any state: a body may use it freely.

use fast_qr::ECL;
use fast_qr::qr::QRBuilder;
use krilla::geom::{Path, PathBuilder, Rect};

/// The modules of a QR image for `text`, row by row; empty if the text is too long for one.
pub fn qr(text: &str) -> Vec<Vec<bool>> {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else {
        return Vec::new();
    };
    (0..code.size)
        .map(|row| {
            code[row]
                .iter()
                .take(code.size)
                .map(|module| module.value())
                .collect()
        })
        .collect()
}

/// The dark modules as one path; runs in a row are joined, so no hair lines show between them.
pub fn qr_path(modules: &[Vec<bool>], x: f32, y: f32, side: f32) -> Option<Path> {
    let step = side / modules.len().max(1) as f32;
    let mut path = PathBuilder::new();
    for (row, line) in modules.iter().enumerate() {
        let mut column = 0;
        while column < line.len() {
            let run = line[column..].iter().take_while(|dark| **dark).count();
            let (left, top) = (x + column as f32 * step, y + row as f32 * step);
            if let Some(rect) =
                Rect::from_xywh(left, top, run as f32 * step, step).filter(|_| run > 0)
            {
                path.push_rect(rect);
            }
            column += run.max(1);
        }
    }
    path.finish()
}

/// The stepped cross with its open centre; drawn with the even-odd rule.
pub fn ornament(x: f32, y: f32, side: f32) -> Option<Path> {
    // Corner points on a grid of 7 units, clockwise from the upper arm.
    const STEPS: [(f32, f32); 20] = [
        (2.0, 0.0),
        (5.0, 0.0),
        (5.0, 1.0),
        (6.0, 1.0),
        (6.0, 2.0),
        (7.0, 2.0),
        (7.0, 5.0),
        (6.0, 5.0),
        (6.0, 6.0),
        (5.0, 6.0),
        (5.0, 7.0),
        (2.0, 7.0),
        (2.0, 6.0),
        (1.0, 6.0),
        (1.0, 5.0),
        (0.0, 5.0),
        (0.0, 2.0),
        (1.0, 2.0),
        (1.0, 1.0),
        (2.0, 1.0),
    ];
    let unit = side / 7.0;
    let mut path = PathBuilder::new();
    for (place, (u, v)) in STEPS.into_iter().enumerate() {
        let (px, py) = (x + u * unit, y + v * unit);
        if place == 0 {
            path.move_to(px, py)
        } else {
            path.line_to(px, py)
        }
    }
    path.close();
    // The open centre: a square that stands on its corner.
    let (cx, cy, r) = (x + side / 2.0, y + side / 2.0, 1.45 * unit);
    path.move_to(cx, cy - r);
    path.line_to(cx + r, cy);
    path.line_to(cx, cy + r);
    path.line_to(cx - r, cy);
    path.close();
    path.finish()
}

/// A ring and a tick in it, as strokes.
pub fn tick(x: f32, y: f32, side: f32) -> Option<Path> {
    // The cubic that comes nearest to a quarter circle.
    const K: f32 = 0.552_284_8;
    let (r, cx, cy) = (side / 2.0, x + side / 2.0, y + side / 2.0);
    let mut path = PathBuilder::new();
    path.move_to(cx + r, cy);
    path.cubic_to(cx + r, cy + K * r, cx + K * r, cy + r, cx, cy + r);
    path.cubic_to(cx - K * r, cy + r, cx - r, cy + K * r, cx - r, cy);
    path.cubic_to(cx - r, cy - K * r, cx - K * r, cy - r, cx, cy - r);
    path.cubic_to(cx + K * r, cy - r, cx + r, cy - K * r, cx + r, cy);
    path.close();
    path.move_to(x + side * 0.28, y + side * 0.52);
    path.line_to(x + side * 0.44, y + side * 0.68);
    path.line_to(x + side * 0.73, y + side * 0.34);
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_image_is_square_and_an_endless_text_has_none() {
        let modules = qr("https://tambo.example/verify/ABCD-EFGH-JKMN");
        assert!(modules.len() >= 21 && modules.iter().all(|row| row.len() == modules.len()));
        assert!(
            modules[0][..7].iter().all(|dark| *dark),
            "the finder pattern begins every QR image"
        );
        assert!(qr(&"x".repeat(5_000)).is_empty());
    }
}
