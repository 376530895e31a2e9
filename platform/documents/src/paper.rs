//! A paper: what a document says, as a tree, before it has a shape.
//!
//! Whoever issues a document (`workflow`, `portal`) builds a `Paper`; from this one source come the tagged PDF
//! (`crate::pdf`), the plain text (`text`) and the accessible page (`html`), so the three can't disagree.
//! It promises plain values without I/O. It refuses nothing: limits are checked where the paper is rendered.

mod html;
mod text;

use kernel::{Locale, Moment};

/// Most blocks a paper may have; far above any resolution, low enough to bound the work of one rendering.
pub const BLOCKS_MAX: usize = 2_000;
/// Most bytes of text in a whole paper, for the same reason.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;

/// A document's content.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    /// The title, the only heading of level 1.
    pub title: String,
    /// The language of the text; readers' voices follow it.
    pub language: Locale,
    /// The public body that speaks, as the letterhead shows it.
    pub body: String,
    /// The office of the body, below its name; may be empty.
    pub office: String,
    /// Series and number, for example `Resolución N.º 000123-2026`; may be empty.
    pub number: String,
    /// When the document was made, told in the file's metadata.
    pub made_at: Moment,
    /// The content in reading order.
    pub blocks: Vec<Block>,
    /// How anybody verifies it; `prepare` fills it.
    pub check: Option<Check>,
    /// The fixed words around the content, in the paper's language.
    pub words: Words,
}

/// One block of the content.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading of level 2 to 4 (others are drawn to the nearest of these).
    Heading(u8, String),
    /// A paragraph.
    Paragraph(Text),
    /// A list; `true` numbers its items.
    List(bool, Vec<Text>),
    /// Names and values, such as the data of an applicant.
    Pairs(Vec<(String, Text)>),
    /// A table of data.
    Table(Table),
    /// The place of a signature; the PDF reserves a signature field here.
    Signature(Signing),
}

/// A table of data: a caption, one row of column names, rows of cells.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows; shorter rows are filled with empty cells.
    pub rows: Vec<Vec<String>>,
}

/// Who signs at this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// Which reserved field the signature goes into.
    pub field: Field,
    /// The name of who signs: a person, or the body for a seal.
    pub name: String,
    /// The post, or what the seal attests.
    pub post: String,
    /// The date as the reader reads it.
    pub date: String,
}

/// The signature fields that a paper can reserve, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The signature of an official.
    Official,
    /// The seal of the body, put by its system.
    Seal,
}

impl Field {
    /// The field's name inside the PDF; no periods, which would divide it (ISO 32000-1, 12.7.3.2).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Official => "SignatureOfficial",
            Self::Seal => "SignatureSeal",
        }
    }
}

/// The name of the reserved document time stamp field, for later archive time stamps.
pub const STAMP_FIELD: &str = "StampArchive";

/// How anybody verifies the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The address of the verification page, code included.
    pub url: String,
    /// The verification code, grouped for reading.
    pub code: String,
}

/// Words around the content, in the paper's language (from `texts/*.ftl`, keys `documents-paper-*`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Words {
    /// `Página`
    pub page: String,
    /// `de`, between a page's number and the count.
    pub of: String,
    /// The heading of the verification block.
    pub verify: String,
    /// How to verify: one sentence before the address.
    pub verify_how: String,
    /// The label of the verification code.
    pub code: String,
    /// What the QR image is, for a reader who can't see it; the address follows.
    pub qr: String,
    /// `Firmado digitalmente por`
    pub signed_by: String,
    /// `Sello digital de`
    pub sealed_by: String,
    /// The label of the archive time stamp field.
    pub stamp: String,
}

/// Text in one or several runs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Text(pub Vec<Run>);

/// A stretch of text of one weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The text; a newline breaks the line.
    pub text: String,
    /// Whether it is set in bold.
    pub strong: bool,
}

impl Text {
    /// The text without its weights.
    pub fn plain(&self) -> String {
        self.0.iter().map(|run| run.text.as_str()).collect()
    }

    /// Adds a bold run.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Run {
            text: text.into(),
            strong: true,
        });
        self
    }

    /// Adds a run of normal weight.
    #[must_use]
    pub fn then(mut self, text: impl Into<String>) -> Self {
        self.0.push(Run {
            text: text.into(),
            strong: false,
        });
        self
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::default().then(text)
    }
}

impl Paper {
    /// An empty paper with a title, to be filled with the methods below.
    pub fn new(
        title: impl Into<String>,
        language: Locale,
        body: impl Into<String>,
        at: Moment,
    ) -> Self {
        Self {
            title: title.into(),
            language,
            body: body.into(),
            office: String::new(),
            number: String::new(),
            made_at: at,
            blocks: Vec::new(),
            check: None,
            words: Words::default(),
        }
    }

    /// Sets the office below the body's name.
    #[must_use]
    pub fn office(mut self, office: impl Into<String>) -> Self {
        self.office = office.into();
        self
    }

    /// Sets the number line below the title.
    #[must_use]
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = number.into();
        self
    }

    /// Adds a heading of level 2.
    #[must_use]
    pub fn heading(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Heading(2, text.into()));
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn paragraph(mut self, text: impl Into<Text>) -> Self {
        self.blocks.push(Block::Paragraph(text.into()));
        self
    }

    /// Adds a list; `numbered` counts its items.
    #[must_use]
    pub fn list(
        mut self,
        numbered: bool,
        items: impl IntoIterator<Item = impl Into<Text>>,
    ) -> Self {
        self.blocks.push(Block::List(
            numbered,
            items.into_iter().map(Into::into).collect(),
        ));
        self
    }

    /// Adds names and values.
    #[must_use]
    pub fn pairs<N: Into<String>, V: Into<Text>>(
        mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.blocks.push(Block::Pairs(pairs));
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Adds the place of a signature.
    #[must_use]
    pub fn signature(mut self, signing: Signing) -> Self {
        self.blocks.push(Block::Signature(signing));
        self
    }

    /// The signature places of the paper, in reading order.
    pub fn signings(&self) -> impl Iterator<Item = &Signing> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Signature(signing) => Some(signing),
            _ => None,
        })
    }

    /// Bytes of text in the whole paper, for the limit.
    pub fn text_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::text_bytes).sum();
        self.title.len() + self.body.len() + self.office.len() + self.number.len() + blocks
    }
}

impl Block {
    fn text_bytes(&self) -> usize {
        let of = |text: &Text| text.0.iter().map(|run| run.text.len()).sum::<usize>();
        match self {
            Self::Heading(_, text) => text.len(),
            Self::Paragraph(text) => of(text),
            Self::List(_, items) => items.iter().map(of).sum(),
            Self::Pairs(pairs) => pairs
                .iter()
                .map(|(name, value)| name.len() + of(value))
                .sum(),
            Self::Table(table) => {
                let cells = table.columns.iter().chain(table.rows.iter().flatten());
                table.caption.len() + cells.map(String::len).sum::<usize>()
            }
            Self::Signature(signing) => {
                signing.name.len() + signing.post.len() + signing.date.len()
            }
        }
    }
}
