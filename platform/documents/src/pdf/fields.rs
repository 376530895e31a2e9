//! Reserves signature fields in a finished PDF, tagged from the start, so that a signature breaks nothing.
//!
//! A signature put into a fresh field adds an annotation to a page and to no tag: PDF/UA-1 7.18 fails and a verifier
//! sees a changed page. Here each field exists before: a widget with `/TU` and `/Contents`, a `Form` structure
//! element with its object reference, an entry in the parent tree, `/Tabs /S` on the page, `/SigFlags` in the form.
//! Signing then adds one `/V` to one object. The file is written anew once; nothing of its pages changes.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};

use super::layout::{PAGE, Place};
use crate::paper::STAMP_FIELD;

/// Print and Locked (ISO 32000-1 table 165): PDF/A asks for the first, the second keeps the place.
const WIDGET_FLAGS: i64 = 4 | 128;
/// SignaturesExist and AppendOnly (ISO 32000-1 table 219), set from the start so that signing need not set them.
const SIG_FLAGS: i64 = 3;
/// Deepest number tree that is followed; the writer makes one level.
const TREE_DEPTH_MAX: usize = 8;

/// The written PDF lacks something that the fields need.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// The PDF can't be read back.
    #[error("the PDF can't be read back: {0}")]
    Read(#[from] lopdf::Error),
    /// A part of the structure is missing.
    #[error("the PDF has no {0}")]
    Lacks(&'static str),
    /// Writing failed.
    #[error("the PDF can't be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Adds the fields of `places`, and one for an archive time stamp, to `pdf`.
pub fn reserve(pdf: &[u8], places: &[Place], stamp_label: &str) -> Result<Vec<u8>, FieldError> {
    let mut editor = Editor::open(pdf)?;
    for place in places {
        let parent = editor.element(place.field.name())?;
        let [x, y, width, height] = place.rect;
        let rect = [x, PAGE.1 - y - height, x + width, PAGE.1 - y];
        editor.add(place.field.name(), &place.label, place.page, rect, parent)?;
    }
    let last = editor.pages.len().saturating_sub(1);
    let root = editor.root_element()?;
    editor.add(STAMP_FIELD, stamp_label, last, [0.0; 4], root)?;
    editor.finish()
}

struct Editor {
    document: Document,
    pages: Vec<ObjectId>,
    tree_root: ObjectId,
    fields: Vec<Object>,
    next_key: i64,
}

impl Editor {
    fn open(pdf: &[u8]) -> Result<Self, FieldError> {
        let mut document = Document::load_mem(pdf)?;
        let pages = document.get_pages().into_values().collect();
        let tree_root = document
            .catalog()?
            .get(b"StructTreeRoot")
            .and_then(Object::as_reference)
            .map_err(|_| FieldError::Lacks("structure tree"))?;
        let root = document.get_dictionary(tree_root)?;
        let next_key = root
            .get(b"ParentTreeNextKey")
            .and_then(Object::as_i64)
            .map_err(|_| FieldError::Lacks("next key of its parent tree"))?;
        if let Ok(Object::Dictionary(tree)) = root.get(b"ParentTree") {
            let tree = document.add_object(tree.clone());
            document
                .get_dictionary_mut(tree_root)?
                .set("ParentTree", tree);
        }
        Ok(Self {
            document,
            pages,
            tree_root,
            fields: Vec::new(),
            next_key,
        })
    }

    /// The structure element with this identifier (the writer puts a `U` before it).
    fn element(&self, name: &str) -> Result<ObjectId, FieldError> {
        let wanted = format!("U{name}");
        let found = self.document.objects.iter().find(|(_, object)| {
            object.as_dict().is_ok_and(|dict| {
                dict.has(b"S")
                    && dict
                        .get(b"ID")
                        .and_then(Object::as_str)
                        .is_ok_and(|id| id == wanted.as_bytes())
            })
        });
        found
            .map(|(id, _)| *id)
            .ok_or(FieldError::Lacks("element for the signature"))
    }

    fn root_element(&self) -> Result<ObjectId, FieldError> {
        let kids = self.document.get_dictionary(self.tree_root)?.get(b"K")?;
        match kids {
            Object::Reference(id) => Ok(*id),
            Object::Array(kids) => kids
                .first()
                .and_then(|kid| kid.as_reference().ok())
                .ok_or(FieldError::Lacks("root element")),
            _ => Err(FieldError::Lacks("root element")),
        }
    }

    fn add(
        &mut self,
        name: &str,
        label: &str,
        page: usize,
        rect: [f32; 4],
        parent: ObjectId,
    ) -> Result<(), FieldError> {
        let page = *self
            .pages
            .get(page)
            .ok_or(FieldError::Lacks("page for the field"))?;
        let key = self.next_key;
        self.next_key += 1;
        let text = text_string(label);
        let appearance = Stream::new(
            dictionary! {
                "Type" => "XObject", "Subtype" => "Form",
                "BBox" => numbers(&[0.0, 0.0, rect[2] - rect[0], rect[3] - rect[1]]),
                "Resources" => Dictionary::new(),
            },
            Vec::new(),
        );
        let appearance = self.document.add_object(appearance);
        let widget = self.document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Widget", "FT" => "Sig",
            "T" => Object::string_literal(name), "TU" => text.clone(), "Contents" => text.clone(),
            "Rect" => numbers(&rect), "F" => WIDGET_FLAGS, "P" => page, "StructParent" => key,
            "AP" => dictionary! { "N" => appearance },
        });
        let form = self.document.add_object(dictionary! {
            "Type" => "StructElem", "S" => "Form", "P" => parent, "Pg" => page, "Alt" => text,
            "K" => dictionary! { "Type" => "OBJR", "Obj" => widget, "Pg" => page },
        });
        self.fields.push(widget.into());
        push(self.document.get_dictionary_mut(parent)?, b"K", form.into());
        self.add_to_page(page, widget)?;
        self.add_to_parent_tree(key, form)
    }

    fn add_to_page(&mut self, page: ObjectId, widget: ObjectId) -> Result<(), FieldError> {
        let shared = match self.document.get_dictionary(page)?.get(b"Annots") {
            Ok(Object::Reference(id)) => Some(*id),
            _ => None,
        };
        match shared {
            Some(id) => match self.document.get_object_mut(id)? {
                Object::Array(list) => list.push(widget.into()),
                _ => return Err(FieldError::Lacks("list of annotations")),
            },
            None => push(
                self.document.get_dictionary_mut(page)?,
                b"Annots",
                widget.into(),
            ),
        }
        Ok(())
    }

    fn add_to_parent_tree(&mut self, key: i64, form: ObjectId) -> Result<(), FieldError> {
        let root = self.document.get_dictionary(self.tree_root)?;
        let mut id = root
            .get(b"ParentTree")
            .and_then(Object::as_reference)
            .map_err(|_| FieldError::Lacks("parent tree"))?;
        for _ in 0..TREE_DEPTH_MAX {
            let node = self.document.get_dictionary_mut(id)?;
            if let Ok(Object::Array(limits)) = node.get_mut(b"Limits")
                && let Some(upper) = limits.get_mut(1)
            {
                *upper = key.into();
            }
            if node.has(b"Nums") {
                push(node, b"Nums", key.into());
                push(node, b"Nums", form.into());
                return Ok(());
            }
            id = node
                .get(b"Kids")
                .and_then(Object::as_array)
                .ok()
                .and_then(|kids| kids.last())
                .and_then(|kid| kid.as_reference().ok())
                .ok_or(FieldError::Lacks("leaf of its parent tree"))?;
        }
        Err(FieldError::Lacks("shallow parent tree"))
    }

    fn finish(mut self) -> Result<Vec<u8>, FieldError> {
        let next_key = self.next_key;
        self.document
            .get_dictionary_mut(self.tree_root)?
            .set("ParentTreeNextKey", next_key);
        for page in &self.pages {
            self.document.get_dictionary_mut(*page)?.set("Tabs", "S");
        }
        let form = self.document.add_object(dictionary! {
            "Fields" => self.fields, "SigFlags" => SIG_FLAGS,
        });
        self.document.catalog_mut()?.set("AcroForm", form);
        let mut out = Vec::new();
        self.document.save_to(&mut out)?;
        Ok(out)
    }
}

/// Adds to a list entry, making a list of a single value.
fn push(dict: &mut Dictionary, key: &[u8], value: Object) {
    match dict.get_mut(key) {
        Ok(Object::Array(list)) => list.push(value),
        Ok(single) => {
            let first = std::mem::replace(single, Object::Null);
            *single = Object::Array(vec![first, value]);
        }
        Err(_) => dict.set(key, Object::Array(vec![value])),
    }
}

fn numbers(values: &[f32]) -> Object {
    Object::Array(values.iter().map(|value| Object::Real(*value)).collect())
}

/// A text string in UTF-16BE with its mark (ISO 32000-1, 7.9.2.2), which holds every letter.
pub fn text_string(text: &str) -> Object {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    Object::String(
        units.flat_map(u16::to_be_bytes).collect(),
        StringFormat::Hexadecimal,
    )
}
