//! A paper as plain text: for e-mail, for a terminal, for a reader of Braille. It keeps the order and the words.

use std::fmt::Write as _;

use super::{Block, Field, Paper};

impl Paper {
    /// The whole paper as plain text, lines not wrapped.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for line in [&self.body, &self.office] {
            push_line(&mut out, line);
        }
        out.push('\n');
        push_line(&mut out, &self.title);
        push_line(&mut out, &self.number);
        for block in &self.blocks {
            out.push('\n');
            self.push_block(&mut out, block);
        }
        if let Some(check) = &self.check {
            out.push('\n');
            push_line(&mut out, &self.words.verify);
            push_line(
                &mut out,
                &format!("{} {}", self.words.verify_how, check.url),
            );
            push_line(&mut out, &format!("{}: {}", self.words.code, check.code));
        }
        out
    }

    fn push_block(&self, out: &mut String, block: &Block) {
        match block {
            Block::Heading(_, text) => push_line(out, text),
            Block::Paragraph(text) => push_line(out, &text.plain()),
            Block::List(numbered, items) => {
                for (place, item) in items.iter().enumerate() {
                    let sign = if *numbered {
                        format!("{}.", place + 1)
                    } else {
                        "-".to_owned()
                    };
                    push_line(out, &format!("{sign} {}", item.plain()));
                }
            }
            Block::Pairs(pairs) => {
                for (name, value) in pairs {
                    push_line(out, &format!("{name}: {}", value.plain()));
                }
            }
            Block::Table(table) => {
                push_line(out, &table.caption);
                for row in &table.rows {
                    let mut line = String::new();
                    for (name, cell) in table.columns.iter().zip(row) {
                        let gap = if line.is_empty() { "" } else { "; " };
                        let _ = write!(line, "{gap}{name}: {cell}");
                    }
                    push_line(out, &line);
                }
            }
            Block::Signature(signing) => {
                let by = match signing.field {
                    Field::Official => &self.words.signed_by,
                    Field::Seal => &self.words.sealed_by,
                };
                for line in [by, &signing.name, &signing.post, &signing.date] {
                    push_line(out, line);
                }
            }
        }
    }
}

fn push_line(out: &mut String, line: &str) {
    if !line.is_empty() {
        out.push_str(line);
        out.push('\n');
    }
}
