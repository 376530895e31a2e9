//! Setting text: fonts, shaping, breaking into lines with the real widths of the glyphs.
//!
//! The layout asks here how wide and how high a text is, and draws exactly the glyphs it measured. A character
//! that the embedded fonts lack becomes U+FFFD, so it is seen that something is missing and nothing fails.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Face, UnicodeBuffer};

use crate::paper::Text;

static REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.ttf");

/// Shown for a character that the fonts don't have.
const MISSING: char = '\u{FFFD}';

/// Longest stretch without a blank that is measured as one: longer than any word or address.
const TOKEN_CHARS_MAX: usize = 200;

/// The two embedded fonts.
pub struct Faces {
    regular: Shaper,
    bold: Shaper,
}

struct Shaper {
    face: Face<'static>,
    font: Font,
    units: f32,
}

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Size in points.
    pub size: f32,
    /// Distance of base lines in points.
    pub leading: f32,
    /// Whether all runs are bold.
    pub bold: bool,
    /// Colour.
    pub ink: (u8, u8, u8),
}

/// Glyphs of one font that follow one another.
#[derive(Clone)]
pub struct Piece {
    /// The text that the glyphs stand for, with the space that ends a word.
    pub text: String,
    /// The glyphs, measured in em.
    pub glyphs: Vec<KrillaGlyph>,
    /// Whether this is the bold font.
    pub bold: bool,
    /// Width in points.
    pub width: f32,
}

/// One line of text.
#[derive(Clone, Default)]
pub struct Line {
    /// Its pieces from left to right.
    pub pieces: Vec<Piece>,
    /// Width in points, without the space at the end.
    pub width: f32,
}

/// What can't be broken: a word, over several runs if need be.
#[derive(Default)]
struct Word {
    pieces: Vec<Piece>,
    ends_line: bool,
}

impl Faces {
    /// Reads the embedded fonts.
    pub fn load() -> Self {
        Self {
            regular: Shaper::load(REGULAR),
            bold: Shaper::load(BOLD),
        }
    }

    /// The font that a piece is drawn with.
    pub fn font(&self, bold: bool) -> Font {
        self.shaper(bold).font.clone()
    }

    fn shaper(&self, bold: bool) -> &Shaper {
        if bold { &self.bold } else { &self.regular }
    }

    fn piece(&self, text: &str, bold: bool, size: f32) -> Piece {
        let glyphs = self.shaper(bold).shape(text);
        let width = glyphs.iter().map(|glyph| glyph.x_advance * size).sum();
        Piece {
            text: text.to_owned(),
            glyphs,
            bold,
            width,
        }
    }

    /// Breaks `text` into lines of at most `width` points. An empty text gives no line.
    pub fn lines(&self, text: &Text, style: Style, width: f32) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut line = Line::default();
        for word in self.words(text, style) {
            let room = width - line.full_width();
            if !line.pieces.is_empty() && word.width() > room {
                lines.push(std::mem::take(&mut line).closed());
            }
            if word.width() > width {
                self.break_word(word.pieces, style, width, &mut line, &mut lines);
            } else {
                line.pieces.extend(word.pieces);
            }
            if word.ends_line {
                lines.push(std::mem::take(&mut line).closed());
            }
        }
        if !line.pieces.is_empty() {
            lines.push(line.closed());
        }
        lines
    }

    /// One line of a short text, never broken.
    pub fn line(&self, text: &str, style: Style) -> Line {
        self.lines(&Text::from(text), style, f32::MAX)
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    fn words(&self, text: &Text, style: Style) -> Vec<Word> {
        let mut words = Vec::new();
        let mut word = Word::default();
        for run in &text.0 {
            let bold = run.strong || style.bold;
            let clean = self.shaper(bold).clean(&run.text);
            for token in clean.split_inclusive([' ', '\n']) {
                let (shown, ends_line) = match token.strip_suffix('\n') {
                    Some(shown) => (shown, true),
                    None => (token, false),
                };
                for part in parts(shown) {
                    word.pieces.push(self.piece(part, bold, style.size));
                }
                if ends_line || token.ends_with(' ') {
                    word.ends_line = ends_line;
                    words.push(std::mem::take(&mut word));
                }
            }
        }
        words.push(word);
        words
    }

    /// A word wider than the line (an address, a hash) is cut between glyphs.
    fn break_word(
        &self,
        pieces: Vec<Piece>,
        style: Style,
        width: f32,
        line: &mut Line,
        lines: &mut Vec<Line>,
    ) {
        for mut rest in pieces {
            while rest.width - rest.trailing_space() > width - line.full_width() {
                let room = width - line.full_width();
                let alone = line.pieces.is_empty();
                let Some(at) = self.cut(&rest, room, style.size, alone) else {
                    if alone {
                        break;
                    }
                    lines.push(std::mem::take(line).closed());
                    continue;
                };
                line.pieces
                    .push(self.piece(&rest.text[..at], rest.bold, style.size));
                lines.push(std::mem::take(line).closed());
                rest = self.piece(&rest.text[at..], rest.bold, style.size);
            }
            line.pieces.push(rest);
        }
    }

    /// Where to cut a piece so that what stays is at most `room` wide, measured as it will be drawn: cutting between
    /// two letters undoes their kerning. `any` takes the first letter however wide it is.
    fn cut(&self, piece: &Piece, room: f32, size: f32, any: bool) -> Option<usize> {
        let mut used = 0.0;
        let mut places = Vec::new();
        for glyph in &piece.glyphs {
            // Kerning takes back less than half an em; beyond that nothing can fit.
            if used > room + size * 0.5 && !places.is_empty() {
                break;
            }
            if glyph.text_range.start > 0 {
                places.push(glyph.text_range.start);
            }
            used += glyph.x_advance * size;
        }
        places.dedup();
        let fits = |at: &&usize| self.piece(&piece.text[..**at], piece.bold, size).width <= room;
        let found = places.iter().rev().find(fits).copied();
        found.or_else(|| places.first().copied().filter(|_| any))
    }
}

/// A token in parts of bounded length, so that the work of breaking a text without blanks stays in proportion to it.
fn parts(token: &str) -> impl Iterator<Item = &str> {
    let mut rest = token;
    std::iter::from_fn(move || {
        let end = rest
            .char_indices()
            .nth(TOKEN_CHARS_MAX)
            .map_or(rest.len(), |(at, _)| at);
        let (part, left) = rest.split_at(end);
        rest = left;
        (!part.is_empty()).then_some(part)
    })
}

impl Word {
    fn width(&self) -> f32 {
        let all: f32 = self.pieces.iter().map(|piece| piece.width).sum();
        all - self.pieces.last().map_or(0.0, Piece::trailing_space)
    }
}

impl Piece {
    fn trailing_space(&self) -> f32 {
        match self.glyphs.last() {
            Some(last) if self.text.ends_with(' ') => {
                let em: f32 = self.glyphs.iter().map(|glyph| glyph.x_advance).sum();
                if em > 0.0 {
                    self.width * last.x_advance / em
                } else {
                    0.0
                }
            }
            _ => 0.0,
        }
    }

    fn absorb(&mut self, next: Self) {
        let offset = self.text.len();
        self.text.push_str(&next.text);
        self.width += next.width;
        self.glyphs.extend(next.glyphs.into_iter().map(|mut glyph| {
            glyph.text_range = glyph.text_range.start + offset..glyph.text_range.end + offset;
            glyph
        }));
    }
}

impl Line {
    fn full_width(&self) -> f32 {
        self.pieces.iter().map(|piece| piece.width).sum()
    }

    /// Joins neighbours of one font and measures the line.
    fn closed(mut self) -> Self {
        self.width = self.full_width() - self.pieces.last().map_or(0.0, Piece::trailing_space);
        let mut joined: Vec<Piece> = Vec::new();
        for piece in self.pieces {
            match joined.last_mut() {
                Some(last) if last.bold == piece.bold => last.absorb(piece),
                _ => joined.push(piece),
            }
        }
        Self {
            pieces: joined,
            width: self.width,
        }
    }
}

impl Shaper {
    fn load(data: &'static [u8]) -> Self {
        let face = Face::from_slice(data, 0).expect("the embedded font is part of the program");
        let font = Font::new(data.into(), 0).expect("the embedded font is part of the program");
        let units = font.units_per_em();
        Self { face, font, units }
    }

    fn clean(&self, text: &str) -> String {
        let known = |c: char| self.face.glyph_index(c).is_some();
        text.chars()
            .filter(|c| !matches!(c, '\r' | '\u{200B}'..='\u{200F}' | '\u{FEFF}' | '\u{00AD}'))
            .map(|c| match c {
                '\n' => c,
                c if c.is_control() || c.is_whitespace() && !known(c) => ' ',
                c if known(c) => c,
                _ => MISSING,
            })
            .collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "font units are far below 2^23")]
    fn shape(&self, text: &str) -> Vec<KrillaGlyph> {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(rustybuzz::Direction::LeftToRight);
        buffer.guess_segment_properties();
        let shaped = rustybuzz::shape(&self.face, &[], buffer);
        let clusters: Vec<usize> = shaped
            .glyph_infos()
            .iter()
            .map(|info| info.cluster as usize)
            .collect();
        shaped
            .glyph_positions()
            .iter()
            .zip(shaped.glyph_infos())
            .map(|(place, info)| {
                let start = info.cluster as usize;
                let end = clusters
                    .iter()
                    .copied()
                    .find(|&c| c > start)
                    .unwrap_or(text.len());
                KrillaGlyph::new(
                    GlyphId::new(info.glyph_id),
                    place.x_advance as f32 / self.units,
                    place.x_offset as f32 / self.units,
                    place.y_offset as f32 / self.units,
                    0.0,
                    start..end,
                    None,
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STYLE: Style = Style {
        size: 10.0,
        leading: 14.0,
        bold: false,
        ink: (0, 0, 0),
    };

    fn shown(lines: &[Line]) -> Vec<String> {
        let text = |line: &Line| {
            line.pieces
                .iter()
                .map(|piece| piece.text.as_str())
                .collect::<String>()
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_newlines() {
        let faces = Faces::load();
        let text = Text::from("Visto el expediente ")
            .strong("N.º 12")
            .then(",\nse resuelve");
        let lines = faces.lines(&text, STYLE, 88.0);
        assert_eq!(
            shown(&lines),
            ["Visto el ", "expediente N.º 12,", "se resuelve"]
        );
        assert!(lines.iter().all(|line| line.width <= 88.0));
    }

    #[test]
    fn a_letter_wider_than_the_line_stands_alone() {
        let lines = Faces::load().lines(&Text::from("WW W"), STYLE, 1.0);
        assert_eq!(shown(&lines).concat(), "WW W");
        assert!(lines.len() >= 3, "{:?}", shown(&lines));
    }

    #[test]
    fn what_the_font_lacks_is_marked() {
        let faces = Faces::load();
        assert_eq!(
            shown(&faces.lines(&Text::from("a漢\tb"), STYLE, 100.0)),
            ["a\u{FFFD} b"]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_and_no_letter_is_lost(text in "[a-zñÁV0-9 ]{0,300}", width in 30_f32..400.0) {
            let lines = Faces::load().lines(&Text::from(text.as_str()), STYLE, width);
            prop_assert!(lines.iter().all(|line| line.width <= width + 0.01));
            prop_assert_eq!(shown(&lines).concat(), text);
        }
    }
}
