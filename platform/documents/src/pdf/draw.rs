//! Hands the pages to the PDF writer and ties every drawn thing to its tag.
//!
//! The writer's own validators for PDF/A-2a and PDF/UA-1 judge the result; a paper that fails them gives an error.

use krilla::Document;
use krilla::SerializeSettings;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node as TagNode, SpanTag, TagGroup, TagTree,
};

use super::layout::{Item, Laid, Node, PAGE, Role};
use super::typeset::Faces;
use super::{RenderError, marks};
use crate::paper::Paper;

/// Writes the pages as PDF.
pub fn draw(paper: &Paper, laid: &Laid, faces: &Faces) -> Result<Vec<u8>, RenderError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|cause| RenderError::Writer(format!("{cause:?}")))?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    document.set_metadata(metadata(paper));
    let mut ids: Vec<Vec<Identifier>> = vec![Vec::new(); laid.leaves];
    for items in &laid.pages {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).expect("A4 has a size");
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        draw_items(&mut surface, items, faces, &mut ids);
        surface.finish();
        for item in items {
            if let Item::Link(rect, url, leaf) = item {
                let target = Target::Action(Action::Link(LinkAction::new(url.clone())));
                let link = LinkAnnotation::new(geometry(*rect)?, target);
                let annotation = Annotation::new_link(link, Some(url.clone()));
                ids[*leaf].push(page.add_tagged_annotation(annotation));
            }
        }
        page.finish();
    }
    let mut outline = Outline::new();
    for (text, page, y) in &laid.outline {
        let place = XyzDestination::new(*page, Point::from_xy(0.0, (y - 8.0).max(0.0)));
        outline.push_child(OutlineNode::new(text.clone(), place));
    }
    document.set_outline(outline);
    let mut tree = TagTree::new().with_lang(Some(paper.language.tag().to_owned()));
    for node in &laid.tree {
        for made in tags(node, &ids) {
            tree.push(made);
        }
    }
    document.set_tag_tree(tree);
    document
        .finish()
        .map_err(|cause| RenderError::Writer(format!("{cause:?}")))
}

fn draw_items(
    surface: &mut Surface<'_>,
    items: &[Item],
    faces: &Faces,
    ids: &mut [Vec<Identifier>],
) {
    let mut open: Option<Role> = None;
    for item in items {
        let role = match item {
            Item::Text(.., role) => Some(*role),
            Item::Qr(.., leaf) => Some(Role::Leaf(*leaf)),
            Item::Link(..) => continue,
            _ => None,
        };
        if open.is_some() && open != role {
            surface.end_tagged();
        }
        match role {
            Some(role) if open != Some(role) => begin(surface, role, ids),
            None => {
                surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(
                    ArtifactType::Layout,
                )));
            }
            _ => {}
        }
        draw_item(surface, item, faces);
        if role.is_none() {
            surface.end_tagged();
        }
        open = role;
    }
    if open.is_some() {
        surface.end_tagged();
    }
}

fn begin(surface: &mut Surface<'_>, role: Role, ids: &mut [Vec<Identifier>]) {
    let artifact = |kind| ContentTag::Artifact(Artifact::with_kind(kind));
    match role {
        Role::Leaf(leaf) => {
            let id = surface.start_tagged(ContentTag::Span(SpanTag::empty()));
            ids[leaf].push(id);
        }
        Role::Header => {
            surface.start_tagged(artifact(ArtifactType::Header));
        }
        Role::Footer => {
            surface.start_tagged(artifact(ArtifactType::Footer));
        }
    }
}

fn draw_item(surface: &mut Surface<'_>, item: &Item, faces: &Faces) {
    match item {
        Item::Text(x, y, line, style, _) => {
            surface.set_stroke(None);
            surface.set_fill(Some(fill(style.ink)));
            let mut at = *x;
            for piece in &line.pieces {
                let start = Point::from_xy(at, *y);
                let font = faces.font(piece.bold);
                surface.draw_glyphs(start, &piece.glyphs, font, &piece.text, style.size, false);
                at += piece.width;
            }
        }
        Item::Box([x, y, width, height], ink) => {
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                path.push_rect(rect);
            }
            paint(surface, path.finish(), *ink);
        }
        Item::Ornament(x, y, side, ink) => paint(surface, marks::ornament(*x, *y, *side), *ink),
        Item::Tick(x, y, side, ink) => {
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke {
                paint: color(*ink).into(),
                width: 1.6,
                ..Stroke::default()
            }));
            if let Some(path) = marks::tick(*x, *y, *side) {
                surface.draw_path(&path);
            }
        }
        Item::Qr(x, y, side, modules, _) => {
            paint(surface, marks::qr_path(modules, *x, *y, *side), (0, 0, 0));
        }
        Item::Link(..) => {}
    }
}

fn paint(surface: &mut Surface<'_>, path: Option<Path>, ink: (u8, u8, u8)) {
    surface.set_stroke(None);
    surface.set_fill(Some(fill(ink)));
    if let Some(path) = path {
        surface.draw_path(&path);
    }
}

fn color((red, green, blue): (u8, u8, u8)) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

fn fill(ink: (u8, u8, u8)) -> Fill {
    Fill {
        paint: color(ink).into(),
        rule: FillRule::EvenOdd,
        ..Fill::default()
    }
}

fn geometry([x, y, width, height]: [f32; 4]) -> Result<Rect, RenderError> {
    Rect::from_xywh(x, y, width, height).ok_or_else(|| RenderError::Writer("empty link".to_owned()))
}

fn tags(node: &Node, ids: &[Vec<Identifier>]) -> Vec<TagNode> {
    match node {
        Node::Leaf(leaf) => ids[*leaf].iter().copied().map(TagNode::from).collect(),
        Node::Group(kind, children) => {
            let children = children.iter().flat_map(|child| tags(child, ids)).collect();
            vec![TagGroup::with_children(kind.clone(), children).into()]
        }
    }
}

fn metadata(paper: &Paper) -> Metadata {
    let made = jiff::tz::Offset::UTC.to_datetime(paper.made_at.timestamp());
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    let date = DateTime::new(u16::try_from(made.year()).unwrap_or(0))
        .month(small(made.month()))
        .day(small(made.day()))
        .hour(small(made.hour()))
        .minute(small(made.minute()))
        .second(small(made.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let title = match paper.number.as_str() {
        "" => paper.title.clone(),
        number => format!("{} · {number}", paper.title),
    };
    Metadata::new()
        .title(title)
        .language(paper.language.tag().to_owned())
        .authors(vec![paper.body.clone()])
        .creator("tambo".to_owned())
        .creation_date(date)
}
