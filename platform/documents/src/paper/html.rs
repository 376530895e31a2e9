//! A paper as an accessible page fragment: the same tree in HTML elements, headings from `h2` downwards.
//!
//! The frame around it (title, language, style) belongs to `web::page`; nothing here needs a style to be understood.

use maud::{Markup, html};

use super::{Block, Field, Paper, Signing, Table, Text};

impl Paper {
    /// The paper as an `article`; its title is an `h2`, so that it fits below a page's own `h1`.
    pub fn to_html(&self) -> Markup {
        html! {
            article.paper lang=(self.language.tag()) {
                header {
                    p { strong { (self.body) } @if !self.office.is_empty() { br; (self.office) } }
                    h2 { (self.title) }
                    @if !self.number.is_empty() { p { (self.number) } }
                }
                @for block in &self.blocks { (self.block(block)) }
                @if let Some(check) = &self.check {
                    footer {
                        h3 { (self.words.verify) }
                        p { (self.words.verify_how) " " a href=(check.url) { (check.url) } }
                        p { (self.words.code) ": " strong { (check.code) } }
                    }
                }
            }
        }
    }

    fn block(&self, block: &Block) -> Markup {
        match block {
            Block::Heading(2, text) => html! { h3 { (text) } },
            Block::Heading(3, text) => html! { h4 { (text) } },
            Block::Heading(_, text) => html! { h5 { (text) } },
            Block::Paragraph(text) => html! { p { (runs(text)) } },
            Block::List(true, items) => html! { ol { @for item in items { li { (runs(item)) } } } },
            Block::List(false, items) => {
                html! { ul { @for item in items { li { (runs(item)) } } } }
            }
            Block::Pairs(pairs) => html! {
                dl { @for (name, value) in pairs { div { dt { (name) } dd { (runs(value)) } } } }
            },
            Block::Table(table) => rows(table),
            Block::Signature(signing) => self.place(signing),
        }
    }

    fn place(&self, signing: &Signing) -> Markup {
        let by = match signing.field {
            Field::Official => &self.words.signed_by,
            Field::Seal => &self.words.sealed_by,
        };
        html! {
            p.signature {
                (by) br;
                strong { (signing.name) }
                @for line in [&signing.post, &signing.date] {
                    @if !line.is_empty() { br; (line) }
                }
            }
        }
    }
}

fn runs(text: &Text) -> Markup {
    html! {
        @for run in &text.0 {
            @let lines: Vec<&str> = run.text.split('\n').collect();
            @for (place, line) in lines.iter().enumerate() {
                @if place > 0 { br; }
                @if run.strong { strong { (line) } } @else { (line) }
            }
        }
    }
}

fn rows(table: &Table) -> Markup {
    html! {
        table {
            @if !table.caption.is_empty() { caption { (table.caption) } }
            thead { tr { @for name in &table.columns { th scope="col" { (name) } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for place in 0..table.columns.len() { td { (row.get(place).map_or("", String::as_str)) } } }
                }
            }
        }
    }
}
