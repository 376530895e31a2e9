//! From a paper to pages: where each line, rule and image stands, and the tree of tags that gives them meaning.
//!
//! Works on plain values: the result is a display list that `draw` hands to the PDF writer. Measures are points
//! (1/72 inch), y grows downwards from the upper edge. Nothing is cut off: what doesn't fit goes to the next page.

mod places;
mod tables;

use krilla::tagging::{ListNumbering, Tag, TagKind};

use super::typeset::{Faces, Line, Style};
use crate::paper::{Block, Field, Paper, Text};

/// A4.
pub const PAGE: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 68.0;
const RIGHT: f32 = PAGE.0 - 64.0;
const WIDTH: f32 = RIGHT - LEFT;
const TOP: f32 = 78.0;
const BOTTOM: f32 = PAGE.1 - 86.0;

const INK: (u8, u8, u8) = (0x1c, 0x25, 0x2e);
const GRAY: (u8, u8, u8) = (0x55, 0x5f, 0x69);
const HAIR: (u8, u8, u8) = (0xc9, 0xce, 0xd3);
const PALE: (u8, u8, u8) = (0xf5, 0xf3, 0xee);
/// The colour of red earth; contrast 8.6:1 on white.
const EARTH: (u8, u8, u8) = (0x7d, 0x2f, 0x1c);

const BODY: Style = Style {
    size: 10.5,
    leading: 15.5,
    bold: false,
    ink: INK,
};
const CELL: Style = Style {
    size: 9.5,
    leading: 13.5,
    bold: false,
    ink: INK,
};
const SMALL: Style = Style {
    size: 8.0,
    leading: 11.0,
    bold: false,
    ink: GRAY,
};
const LABEL: Style = Style {
    size: 9.5,
    leading: 13.5,
    bold: false,
    ink: GRAY,
};
/// The name of a column.
const COLUMN: Style = Style {
    bold: true,
    ..LABEL
};
const TITLE: Style = Style {
    size: 19.0,
    leading: 24.0,
    bold: true,
    ink: INK,
};
const NUMBER: Style = Style {
    size: 11.5,
    leading: 16.0,
    bold: true,
    ink: EARTH,
};

/// Free width at the end of a table's cell.
const CELL_GAP: f32 = 9.0;
/// Side of the QR image.
const QR_SIDE: f32 = 92.0;

/// One thing on a page.
pub enum Item {
    /// A line of text from its base line's start.
    Text(f32, f32, Line, Style, Role),
    /// A filled rectangle: x, y, width, height.
    Box([f32; 4], (u8, u8, u8)),
    /// The ornament of the letterhead: x, y, side.
    Ornament(f32, f32, f32, (u8, u8, u8)),
    /// A check mark in a circle, beside a signature: x, y, side.
    Tick(f32, f32, f32, (u8, u8, u8)),
    /// A QR image: x, y, side, modules by row.
    Qr(f32, f32, f32, Vec<Vec<bool>>, usize),
    /// A link over a rectangle: x, y, width, height; address; leaf.
    Link([f32; 4], String, usize),
}

/// What a text is to a reader who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Content; the leaf of the tag tree it belongs to.
    Leaf(usize),
    /// Repeated on top of the pages.
    Header,
    /// Repeated at the foot of the pages.
    Footer,
}

/// The tree of tags.
pub enum Node {
    /// A tag and what it holds.
    Group(TagKind, Vec<Node>),
    /// All content drawn under this leaf.
    Leaf(usize),
}

/// Where a signature field goes: page from 0, rectangle x, y, width, height.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Which field.
    pub field: Field,
    /// The page, from 0.
    pub page: usize,
    /// x, y, width, height.
    pub rect: [f32; 4],
    /// What a reader who listens hears: who signs here.
    pub label: String,
}

/// The pages of a paper.
#[derive(Default)]
pub struct Laid {
    /// The items of each page.
    pub pages: Vec<Vec<Item>>,
    /// The tags in reading order.
    pub tree: Vec<Node>,
    /// Count of leaves.
    pub leaves: usize,
    /// Headings: text, page, y.
    pub outline: Vec<(String, usize, f32)>,
    /// Signature places.
    pub places: Vec<Place>,
}

/// A column of lines within a row: x, lines, style, leaf.
struct Cell(f32, Vec<Line>, Style, usize);

struct Flow<'a> {
    faces: &'a Faces,
    paper: &'a Paper,
    laid: Laid,
    y: f32,
    /// Names of columns, drawn again on each page that a table goes on to; not read aloud again.
    columns: Vec<(f32, Vec<Line>)>,
}

/// Lays out `paper`.
pub fn lay_out(paper: &Paper, faces: &Faces) -> Laid {
    let mut flow = Flow {
        faces,
        paper,
        laid: Laid::default(),
        y: TOP,
        columns: Vec::new(),
    };
    flow.laid.pages.push(Vec::new());
    flow.letterhead();
    for (place, block) in paper.blocks.iter().enumerate() {
        let last = place + 1 == paper.blocks.len();
        flow.block(block, last);
    }
    if let Some(check) = &paper.check {
        flow.check(check);
    }
    flow.decorate();
    flow.laid
}

impl Flow<'_> {
    fn leaf(&mut self) -> usize {
        self.laid.leaves += 1;
        self.laid.leaves - 1
    }

    fn push(&mut self, item: Item) {
        if let Some(page) = self.laid.pages.last_mut() {
            page.push(item);
        }
    }

    fn text(&mut self, x: f32, line: Line, style: Style, leaf: usize) {
        let base = self.y + style.size;
        self.push(Item::Text(x, base, line, style, Role::Leaf(leaf)));
    }

    fn rule(&mut self, x: f32, y: f32, width: f32, height: f32, ink: (u8, u8, u8)) {
        self.push(Item::Box([x, y, width, height], ink));
    }

    fn turn(&mut self) {
        self.laid.pages.push(Vec::new());
        self.y = TOP;
        let columns = std::mem::take(&mut self.columns);
        let style = COLUMN;
        for (x, lines) in &columns {
            for (place, line) in lines.iter().enumerate() {
                let base = TOP + style.size + place as f32 * style.leading;
                self.push(Item::Text(*x, base, line.clone(), style, Role::Header));
            }
        }
        if let Some(most) = columns.iter().map(|(_, lines)| lines.len()).max() {
            self.y = TOP + most as f32 * style.leading + 4.0;
            self.rule(LEFT, self.y - 0.5, WIDTH, 0.5, HAIR);
        }
        self.columns = columns;
    }

    /// Starts a new page unless `height` fits on this one.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.turn();
        }
    }

    fn space(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    /// Lines one below the other, over pages if need be; never one line alone at the foot of a page.
    fn lines(&mut self, x: f32, lines: Vec<Line>, style: Style, leaf: usize) {
        let count = lines.len();
        for (place, line) in lines.into_iter().enumerate() {
            let together = if count > 1 && (place == 0 || place + 2 == count) {
                2.0
            } else {
                1.0
            };
            self.need(style.leading * together);
            self.text(x, line, style, leaf);
            self.y += style.leading;
        }
    }

    fn letterhead(&mut self) {
        const MARK: f32 = 34.0;
        self.y = 46.0;
        self.push(Item::Ornament(LEFT, self.y, MARK, EARTH));
        let name = Style {
            size: 12.5,
            leading: 16.0,
            bold: true,
            ink: INK,
        };
        let office = Style {
            size: 9.5,
            leading: 13.0,
            bold: false,
            ink: GRAY,
        };
        let x = LEFT + MARK + 12.0;
        let paper = self.paper;
        let top = self.y;
        self.y = if paper.office.is_empty() {
            top + 8.0
        } else {
            top + 2.0
        };
        for (text, style) in [(&paper.body, name), (&paper.office, office)] {
            let lines = self
                .faces
                .lines(&Text::from(text.as_str()), style, RIGHT - x);
            if lines.is_empty() {
                continue;
            }
            let leaf = self.leaf();
            self.lines(x, lines, style, leaf);
            self.laid
                .tree
                .push(Node::Group(Tag::P.into(), vec![Node::Leaf(leaf)]));
        }
        self.y = self.y.max(top + MARK) + 11.0;
        self.rule(LEFT, self.y, WIDTH, 0.6, HAIR);
        self.rule(LEFT, self.y - 0.9, 46.0, 2.4, EARTH);
        self.y += 26.0;
        self.heading(1, &paper.title, TITLE);
        if !paper.number.is_empty() {
            self.y += 1.0;
            self.paragraph(&Text::from(paper.number.as_str()), NUMBER);
        }
        self.y += 10.0;
    }

    fn heading(&mut self, level: u8, text: &str, style: Style) {
        let lines = self.faces.lines(&Text::from(text), style, WIDTH);
        if lines.is_empty() {
            return;
        }
        self.need(style.leading * 1.5 + BODY.leading * 2.0);
        let page = self.laid.pages.len() - 1;
        self.laid.outline.push((text.to_owned(), page, self.y));
        let leaf = self.leaf();
        self.lines(LEFT, lines, style, leaf);
        let level =
            std::num::NonZeroU16::new(u16::from(level)).unwrap_or(std::num::NonZeroU16::MIN);
        let tag = Tag::Hn(level, Some(text.to_owned()));
        self.laid
            .tree
            .push(Node::Group(tag.into(), vec![Node::Leaf(leaf)]));
    }

    fn paragraph(&mut self, text: &Text, style: Style) {
        let lines = self.faces.lines(text, style, WIDTH);
        if lines.is_empty() {
            return;
        }
        let leaf = self.leaf();
        self.lines(LEFT, lines, style, leaf);
        self.laid
            .tree
            .push(Node::Group(Tag::P.into(), vec![Node::Leaf(leaf)]));
    }

    fn block(&mut self, block: &Block, last: bool) {
        match block {
            Block::Heading(level, text) => {
                let (level, size) = match level {
                    0..=2 => (2, 13.0),
                    3 => (3, 11.5),
                    _ => (4, 10.5),
                };
                self.space(10.0);
                self.heading(
                    level,
                    text,
                    Style {
                        size,
                        leading: size + 5.0,
                        bold: true,
                        ink: INK,
                    },
                );
                self.y += 3.0;
            }
            Block::Paragraph(text) => {
                self.paragraph(text, BODY);
                self.y += 7.0;
            }
            Block::List(numbered, items) => self.list(*numbered, items),
            Block::Pairs(pairs) => self.pairs(pairs),
            Block::Table(table) => self.table(table),
            Block::Signature(signing) => self.signature(signing, last),
        }
    }

    fn list(&mut self, numbered: bool, items: &[Text]) {
        const INDENT: f32 = 22.0;
        let mut nodes = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let lines = self.faces.lines(item, BODY, WIDTH - INDENT);
            if lines.is_empty() {
                continue;
            }
            self.need(BODY.leading * if lines.len() > 1 { 2.0 } else { 1.0 });
            let sign = if numbered {
                format!("{}.", place + 1)
            } else {
                "•".to_owned()
            };
            let (label, body) = (self.leaf(), self.leaf());
            let line = self.faces.line(&sign, BODY);
            let x = if numbered {
                LEFT + INDENT - 6.0 - line.width
            } else {
                LEFT + 8.0
            };
            self.text(x, line, BODY, label);
            self.lines(LEFT + INDENT, lines, BODY, body);
            self.y += 2.0;
            nodes.push(item_node(label, body));
        }
        let kind = if numbered {
            ListNumbering::Decimal
        } else {
            ListNumbering::Disc
        };
        self.close_list(kind, nodes);
    }

    fn close_list(&mut self, kind: ListNumbering, nodes: Vec<Node>) {
        if !nodes.is_empty() {
            self.laid.tree.push(Node::Group(Tag::L(kind).into(), nodes));
        }
        self.y += 6.0;
    }

    /// The lines that repeat on every page: artifacts, not read aloud.
    fn decorate(&mut self) {
        let count = self.laid.pages.len();
        let paper = self.paper;
        let joined = |parts: &[&str]| {
            let kept: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !part.is_empty())
                .collect();
            kept.join(" · ")
        };
        let running = joined(&[&paper.title, &paper.number]);
        let foot = match &paper.check {
            // On a single page nothing repeats: only the code, which is among what is read aloud too.
            Some(check) if count == 1 => format!("{} {}", paper.words.code, check.code),
            Some(check) => joined(&[&paper.body, &format!("{} {}", paper.words.code, check.code)]),
            None => paper.body.clone(),
        };
        for (place, page) in self.laid.pages.iter_mut().enumerate() {
            let y = PAGE.1 - 58.0;
            page.push(Item::Box([LEFT, y, WIDTH, 0.5], HAIR));
            let number = format!(
                "{} {} {} {count}",
                paper.words.page,
                place + 1,
                paper.words.of
            );
            let number = self.faces.line(&number, SMALL);
            let room = WIDTH - number.width - 16.0;
            let x = RIGHT - number.width;
            page.push(Item::Text(x, y + 14.0, number, SMALL, Role::Footer));
            for (at, text, width, role) in [
                (y + 14.0, &foot, room, Role::Footer),
                (52.0, &running, WIDTH, Role::Header),
            ] {
                if role == Role::Header && place == 0 {
                    continue;
                }
                let mut lines = self.faces.lines(&Text::from(text.as_str()), SMALL, width);
                if !lines.is_empty() {
                    page.push(Item::Text(LEFT, at, lines.remove(0), SMALL, role));
                }
            }
        }
    }
}

fn item_node(label: usize, body: usize) -> Node {
    let label = Node::Group(Tag::Lbl.into(), vec![Node::Leaf(label)]);
    let body = Node::Group(Tag::LBody.into(), vec![Node::Leaf(body)]);
    Node::Group(Tag::LI.into(), vec![label, body])
}
