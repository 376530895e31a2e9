//! The tagged PDF of a paper: PDF/A-2a and PDF/UA-1, with signature fields reserved so that signing changes no page.
//!
//! `render` is pure: the same paper gives the same bytes. It refuses papers beyond the stated limits.

mod draw;
mod fields;
mod layout;
mod marks;
mod typeset;

use crate::paper::{BLOCKS_MAX, Paper, TEXT_BYTES_MAX};

pub use fields::FieldError;
pub(crate) use fields::text_string;

/// Most pages of one paper; a resolution has a few, an expediente's index some dozens.
pub const PAGES_MAX: usize = 500;

/// Why a paper has no PDF.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The paper is larger than a stated limit.
    #[error("the paper is too large: {0}")]
    TooLarge(&'static str),
    /// The PDF writer's validators refuse it.
    #[error("the PDF writer refuses the paper: {0}")]
    Writer(String),
    /// The signature fields could not be reserved.
    #[error(transparent)]
    Fields(#[from] FieldError),
}

/// Renders `paper` as a tagged PDF with its signature fields reserved, not yet signed.
pub fn render(paper: &Paper) -> Result<Vec<u8>, RenderError> {
    if paper.blocks.len() > BLOCKS_MAX {
        return Err(RenderError::TooLarge("blocks"));
    }
    if paper.text_bytes() > TEXT_BYTES_MAX {
        return Err(RenderError::TooLarge("text"));
    }
    let faces = typeset::Faces::load();
    let laid = layout::lay_out(paper, &faces);
    if laid.pages.len() > PAGES_MAX {
        return Err(RenderError::TooLarge("pages"));
    }
    let drawn = draw::draw(paper, &laid, &faces)?;
    Ok(fields::reserve(&drawn, &laid.places, &paper.words.stamp)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn papers_render_the_same_each_time_and_keep_their_fields() {
        for articles in [1, 4, 40] {
            let paper = sample::resolution(articles);
            let pdf = render(&paper).expect("the sample renders");
            assert_eq!(pdf, render(&paper).expect("again"));
            if let Ok(folder) = std::env::var("TAMBO_KEEP") {
                std::fs::write(format!("{folder}/paper-{articles}.pdf"), &pdf).expect("kept");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let mut paper = sample::resolution(1);
        paper.blocks = vec![crate::paper::Block::Paragraph(
            "x ".repeat(TEXT_BYTES_MAX).as_str().into(),
        )];
        assert!(matches!(render(&paper), Err(RenderError::TooLarge("text"))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]
        #[test]
        fn whatever_people_write_is_printed(
            name in "\\PC{1,60}",
            text in "\\PC{0,200}",
            cells in proptest::collection::vec("[\\PC\n\t]{0,40}", 0..12),
            columns in 1_usize..12,
        ) {
            let at = kernel::Moment::from_seconds(1_795_440_240);
            let mut paper = crate::Paper::new(&name, kernel::Locale::Qu, &text, at)
                .office(&name)
                .number(&text)
                .heading(&text)
                .paragraph(text.as_str())
                .list(true, cells.iter().map(String::as_str))
                .pairs(cells.iter().map(|cell| (cell.as_str(), text.as_str())))
                .table(crate::Table {
                    caption: name.clone(),
                    columns: vec![name.clone(); columns],
                    rows: vec![cells.clone(), cells],
                })
                .signature(crate::Signing {
                    field: crate::Field::Seal,
                    name: text.clone(),
                    post: name.clone(),
                    date: String::new(),
                });
            paper.words = sample::words();
            let made = render(&paper);
            let blank = name.trim().is_empty();
            proptest::prop_assert!(made.is_ok() || blank, "{:?}", made.err());
        }
    }
}
