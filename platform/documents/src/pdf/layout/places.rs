//! What stands together on one page: the place of a signature, and the way to verify the document.

use krilla::tagging::{Tag, TagId};

use super::{
    BODY, BOTTOM, CELL, EARTH, Flow, INK, Item, LABEL, LEFT, Line, Node, PALE, Place, QR_SIDE,
    RIGHT, SMALL, Style, TOP,
};
use crate::paper::{Check, Field, Signing, Text};
use crate::pdf::marks;

/// Width of the box around a signature.
const BOX: f32 = 318.0;

impl Flow<'_> {
    pub(super) fn signature(&mut self, signing: &Signing, last: bool) {
        const INDENT: f32 = 14.0;
        let (by, set) = self.signing_lines(signing);
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

    /// What stands at the place of a signature: the word before it, and all lines.
    fn signing_lines(&self, signing: &Signing) -> (String, Vec<(Vec<Line>, Style)>) {
        let words = &self.paper.words;
        let by = match signing.field {
            Field::Official => &words.signed_by,
            Field::Seal => &words.sealed_by,
        };
        let name = Style {
            size: 11.5,
            leading: 16.0,
            bold: true,
            ink: INK,
        };
        let texts = [
            (by, SMALL),
            (&signing.name, name),
            (&signing.post, CELL),
            (&signing.date, LABEL),
        ];
        let set = |(text, style): (&String, Style)| {
            let lines = self
                .faces
                .lines(&Text::from(text.as_str()), style, BOX - 70.0);
            (lines, style)
        };
        (by.clone(), texts.into_iter().map(set).collect())
    }

    /// How to verify: QR image, address, code. Stays together on one page.
    pub(super) fn check(&mut self, check: &Check) {
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
}
