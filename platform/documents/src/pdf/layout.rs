//! From a paper to pages: where each line, rule and image stands, and the tree of tags that gives them meaning.
//!
//! Works on plain values: the result is a display list that `draw` hands to the PDF writer. Measures are points
//! (1/72 inch), y grows downwards from the upper edge. Nothing is cut off: what doesn't fit goes to the next page.

use krilla::tagging::{ListNumbering, TableHeaderScope, Tag, TagId, TagKind};

use super::marks;
use super::typeset::{Faces, Line, Style};
use crate::paper::{Block, Check, Field, Paper, Signing, Table, Text};

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
}

/// Lays out `paper`.
pub fn lay_out(paper: &Paper, faces: &Faces) -> Laid {
    let mut flow = Flow {
        faces,
        paper,
        laid: Laid::default(),
        y: TOP,
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

    fn pairs(&mut self, pairs: &[(String, Text)]) {
        const NAMES: f32 = 158.0;
        let mut nodes = Vec::new();
        self.need(2.0 * CELL.leading);
        for (name, value) in pairs {
            let names = self
                .faces
                .lines(&Text::from(name.as_str()), LABEL, NAMES - 12.0);
            let mut values = self.faces.lines(value, CELL, WIDTH - NAMES - 6.0);
            if values.is_empty() {
                values = vec![self.faces.line("–", CELL)];
            }
            let (label, body) = (self.leaf(), self.leaf());
            self.row(vec![
                Cell(LEFT, names, LABEL, label),
                Cell(LEFT + NAMES, values, CELL, body),
            ]);
            nodes.push(item_node(label, body));
        }
        self.y += 4.0;
        self.close_list(ListNumbering::None, nodes);
    }

    /// A row of cells with a hair line below it, line by line over pages if need be.
    fn row(&mut self, cells: Vec<Cell>) {
        const PAD: f32 = 4.0;
        let count = cells.iter().map(|cell| cell.1.len()).max().unwrap_or(0);
        let leading = cells.iter().map(|cell| cell.2.leading).fold(1.0, f32::max);
        self.need(PAD * 2.0 + leading * if count > 3 { 2.0 } else { count.max(1) as f32 });
        self.y += PAD;
        let mut columns: Vec<_> = cells
            .into_iter()
            .map(|cell| (cell.0, cell.1.into_iter(), cell.2, cell.3))
            .collect();
        for _ in 0..count {
            self.need(leading + PAD);
            for (x, lines, style, leaf) in &mut columns {
                if let Some(line) = lines.next() {
                    self.text(*x, line, *style, *leaf);
                }
            }
            self.y += leading;
        }
        self.y += PAD;
        self.rule(LEFT, self.y - 0.5, WIDTH, 0.5, HAIR);
    }

    fn table(&mut self, table: &Table) {
        let mut nodes = Vec::new();
        if table.columns.is_empty() {
            return;
        }
        self.need(5.0 * CELL.leading);
        if !table.caption.is_empty() {
            let style = Style { bold: true, ..CELL };
            let lines = self
                .faces
                .lines(&Text::from(table.caption.as_str()), style, WIDTH);
            let leaf = self.leaf();
            self.lines(LEFT, lines, style, leaf);
            nodes.push(Node::Group(Tag::Caption.into(), vec![Node::Leaf(leaf)]));
        }
        let columns = self.columns(table);
        let head = Style {
            bold: true,
            ..LABEL
        };
        let header = self.table_row(&table.columns, &columns, head, true);
        nodes.push(Node::Group(Tag::THead.into(), vec![header]));
        let rows: Vec<Node> = table
            .rows
            .iter()
            .map(|row| self.table_row(row, &columns, CELL, false))
            .collect();
        if !rows.is_empty() {
            nodes.push(Node::Group(Tag::TBody.into(), rows));
        }
        self.laid.tree.push(Node::Group(Tag::Table.into(), nodes));
        self.y += 10.0;
    }

    fn table_row(
        &mut self,
        texts: &[String],
        columns: &[(f32, f32)],
        style: Style,
        head: bool,
    ) -> Node {
        let mut cells = Vec::new();
        let mut nodes = Vec::new();
        for (place, (x, width)) in columns.iter().enumerate() {
            let text = texts
                .get(place)
                .map(|text| text.trim())
                .filter(|text| !text.is_empty());
            let lines = self.faces.lines(
                &Text::from(text.unwrap_or("–")),
                style,
                width - CELL_GAP + 1.0,
            );
            let leaf = self.leaf();
            cells.push(Cell(*x, lines, style, leaf));
            let tag: TagKind = if head {
                Tag::TH(TableHeaderScope::Column).into()
            } else {
                Tag::TD.into()
            };
            nodes.push(Node::Group(tag, vec![Node::Leaf(leaf)]));
        }
        self.row(cells);
        Node::Group(Tag::TR.into(), nodes)
    }

    /// x and width of each column: every word whole if possible, the rest in proportion to the longest text.
    fn columns(&self, table: &Table) -> Vec<(f32, f32)> {
        let style = Style { bold: true, ..CELL };
        let widest = |place: usize, by_word: bool| {
            let cells = table.rows.iter().take(200).filter_map(|row| row.get(place));
            cells
                .chain(table.columns.get(place))
                .flat_map(|text| {
                    if by_word {
                        text.split(' ').collect()
                    } else {
                        vec![text.as_str()]
                    }
                })
                .map(|text| self.faces.line(text, style).width + CELL_GAP)
                .fold(30.0, f32::max)
        };
        let count = table.columns.len();
        let least: Vec<f32> = (0..count).map(|place| widest(place, true)).collect();
        let whole: Vec<f32> = (0..count).map(|place| widest(place, false)).collect();
        let (sum_least, sum_whole): (f32, f32) = (least.iter().sum(), whole.iter().sum());
        let share = (WIDTH - sum_least) / (sum_whole - sum_least).max(1.0);
        let mut x = LEFT;
        (0..count)
            .map(|place| {
                let width = if sum_whole <= WIDTH {
                    WIDTH * whole[place] / sum_whole
                } else if sum_least <= WIDTH {
                    least[place] + (whole[place] - least[place]) * share
                } else {
                    WIDTH * least[place] / sum_least
                };
                x += width;
                (x - width, width)
            })
            .collect()
    }

    fn signature(&mut self, signing: &Signing, last: bool) {
        const BOX: f32 = 318.0;
        const INDENT: f32 = 14.0;
        let words = &self.paper.words;
        let by = match signing.field {
            Field::Official => words.signed_by.clone(),
            Field::Seal => words.sealed_by.clone(),
        };
        let name = Style {
            size: 11.5,
            leading: 16.0,
            bold: true,
            ink: INK,
        };
        let texts = [
            (&by, SMALL),
            (&signing.name, name),
            (&signing.post, CELL),
            (&signing.date, LABEL),
        ];
        let set: Vec<(Vec<Line>, Style)> = texts
            .into_iter()
            .map(|(text, style)| {
                (
                    self.faces
                        .lines(&Text::from(text.as_str()), style, BOX - 70.0),
                    style,
                )
            })
            .collect();
        let height: f32 = 18.0
            + set
                .iter()
                .map(|(lines, style)| lines.len() as f32 * style.leading)
                .sum::<f32>();
        self.space(12.0);
        let below = if last && self.paper.check.is_some() {
            QR_SIDE + 30.0
        } else {
            0.0
        };
        self.need(if height + below < BOTTOM - TOP {
            height + below
        } else {
            height
        });
        let (page, top) = (self.laid.pages.len() - 1, self.y);
        self.rule(LEFT, top, BOX, height, PALE);
        self.rule(LEFT, top, 3.0, height, EARTH);
        self.push(Item::Tick(LEFT + BOX - 40.0, top + 12.0, 24.0, EARTH));
        self.y += 8.0;
        let mut nodes = Vec::new();
        for (lines, style) in set {
            if lines.is_empty() {
                continue;
            }
            let leaf = self.leaf();
            self.lines(LEFT + INDENT, lines, style, leaf);
            nodes.push(Node::Group(Tag::P.into(), vec![Node::Leaf(leaf)]));
        }
        self.y = top + height + 8.0;
        let label = format!("{by} {}", signing.name);
        let rect = [LEFT, top, BOX, height];
        self.laid.places.push(Place {
            field: signing.field,
            page,
            rect,
            label,
        });
        let tag = Tag::Section.with_id(Some(TagId::from(signing.field.name().as_bytes().to_vec())));
        self.laid.tree.push(Node::Group(tag.into(), nodes));
    }

    /// How to verify: QR image, address, code. Stays together on one page.
    fn check(&mut self, check: &Check) {
        self.space(14.0);
        self.need(QR_SIDE + 12.0);
        let (top, x) = (self.y, LEFT + QR_SIDE + 18.0);
        let figure = self.leaf();
        let modules = marks::qr(&check.url);
        self.push(Item::Qr(LEFT, top, QR_SIDE, modules, figure));
        let words = &self.paper.words;
        let alt = format!("{} {}", words.qr, check.url);
        let tag = Tag::Figure(Some(alt)).with_bbox(
            krilla::geom::Rect::from_xywh(LEFT, top, QR_SIDE, QR_SIDE)
                .map(|rect| krilla::tagging::BBox::new(self.laid.pages.len() - 1, rect)),
        );
        let head = Style { bold: true, ..BODY };
        let code = Style {
            size: 13.0,
            leading: 18.0,
            bold: true,
            ink: EARTH,
        };
        self.y = top + 2.0;
        let title = self.aside(x, &words.verify, head);
        let how = self.aside(x, &words.verify_how, LABEL);
        let address = self.address(x, &check.url);
        self.y += 4.0;
        let label = self.aside(x, &words.code, SMALL);
        let value = self.aside(x, &check.code, code);
        let nodes = [title, how, address, label, value].into_iter().flatten();
        self.laid.tree.extend(nodes);
        self.laid
            .tree
            .push(Node::Group(tag.into(), vec![Node::Leaf(figure)]));
        self.y = self.y.max(top + QR_SIDE);
    }

    fn aside(&mut self, x: f32, text: &str, style: Style) -> Option<Node> {
        let lines = self.faces.lines(&Text::from(text), style, RIGHT - x);
        if lines.is_empty() {
            return None;
        }
        let leaf = self.leaf();
        for line in lines {
            self.text(x, line, style, leaf);
            self.y += style.leading;
        }
        Some(Node::Group(Tag::P.into(), vec![Node::Leaf(leaf)]))
    }

    fn address(&mut self, x: f32, url: &str) -> Option<Node> {
        let style = Style { ink: EARTH, ..CELL };
        let lines = self.faces.lines(&Text::from(url), style, RIGHT - x);
        let width = lines.iter().map(|line| line.width).fold(0.0, f32::max);
        let (leaf, link, top) = (self.leaf(), self.leaf(), self.y);
        let height = lines.len() as f32 * style.leading;
        for line in lines {
            self.text(x, line, style, leaf);
            self.y += style.leading;
        }
        self.push(Item::Link([x, top, width, height], url.to_owned(), link));
        let inner = Node::Group(Tag::Link.into(), vec![Node::Leaf(leaf), Node::Leaf(link)]);
        Some(Node::Group(Tag::P.into(), vec![inner]))
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
