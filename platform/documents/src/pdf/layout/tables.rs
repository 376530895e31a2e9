//! Rows of cells: names with their values, and tables of data.

use krilla::tagging::{ListNumbering, TableHeaderScope, Tag, TagKind};

use super::{
    BOTTOM, CELL, CELL_GAP, COLUMN, Cell, Flow, HAIR, LABEL, LEFT, Node, Style, WIDTH, item_node,
};
use crate::paper::{Table, Text};

impl Flow<'_> {
    pub(super) fn pairs(&mut self, pairs: &[(String, Text)]) {
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
        let mut left = count;
        while left > 0 {
            self.need(leading + PAD);
            let fit = ((BOTTOM - PAD - self.y) / leading).floor().max(1.0) as usize;
            let (fit, top) = (fit.min(left), self.y);
            // Cell by cell, as the tags have it: what is painted in another order is read in another order.
            for (x, lines, style, leaf) in &mut columns {
                for (place, line) in lines.by_ref().take(fit).enumerate() {
                    self.y = top + place as f32 * leading;
                    self.text(*x, line, *style, *leaf);
                }
            }
            self.y = top + fit as f32 * leading;
            left -= fit;
        }
        self.y += PAD;
        self.rule(LEFT, self.y - 0.5, WIDTH, 0.5, HAIR);
    }

    pub(super) fn table(&mut self, table: &Table) {
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
        let header = self.table_row(&table.columns, &columns, COLUMN, true);
        let again = |(name, (x, width)): (&String, &(f32, f32))| {
            let text = Text::from(name.as_str());
            (*x, self.faces.lines(&text, COLUMN, width - CELL_GAP + 1.0))
        };
        let again = table.columns.iter().zip(&columns).map(again).collect();
        self.columns = again;
        nodes.push(Node::Group(Tag::THead.into(), vec![header]));
        let rows: Vec<Node> = table
            .rows
            .iter()
            .map(|row| self.table_row(row, &columns, CELL, false))
            .collect();
        self.columns = Vec::new();
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
}
