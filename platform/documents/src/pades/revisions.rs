//! What may be added to a file after a signature: further signatures into fields that were there, the data that
//! keeps signatures verifiable (DSS), and the metadata that every writer touches. All else is a change of what was
//! signed.
//!
//! The comparison is between objects, not pages: an object that existed stays as it was, or the signature falls.
//! This is stricter than most viewers and gives hide-and-replace tricks no room.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object, ObjectId, decode_text_string};

use super::signatures::{Wrong, acro_form, signature_fields};

/// Most objects followed from one new value.
const REACH_MAX: usize = 4_096;
/// Writers round lengths differently; a hundredth of a point is not seen.
const LENGTH_DIFFERENCE_MAX: f32 = 0.01;

/// Checks that `after` adds to `before` only what may be added.
pub fn check(before: &Document, after: &Document) -> Result<(), Wrong> {
    for key in [b"Root".as_slice(), b"Encrypt"] {
        if before.trailer.get(key).ok() != after.trailer.get(key).ok() {
            return Err("the file was given another root");
        }
    }
    let allowed = Allowed::of(before, after)?;
    for (id, old) in &before.objects {
        let new = after.objects.get(id).ok_or("an object was removed")?;
        if !same(old, new) && !allowed.change(*id, old, new) {
            return Err("an object was changed");
        }
    }
    let added = after
        .objects
        .iter()
        .filter(|(id, _)| !before.objects.contains_key(id));
    for (id, object) in added {
        let is_table = object.as_stream().is_ok_and(|stream| {
            [b"XRef".as_slice(), b"ObjStm"]
                .iter()
                .any(|kind| stream.dict.has_type(kind))
        });
        if !is_table && !allowed.added.contains(id) {
            return Err("an object was added");
        }
    }
    Ok(())
}

fn same(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::Stream(old), Object::Stream(new)) => {
            old.dict == new.dict && old.content == new.content
        }
        _ => old == new,
    }
}

struct Allowed {
    root: Option<ObjectId>,
    form: Option<ObjectId>,
    info: Option<ObjectId>,
    metadata: Option<ObjectId>,
    newly_signed: BTreeSet<ObjectId>,
    added: BTreeSet<ObjectId>,
}

impl Allowed {
    fn of(before: &Document, after: &Document) -> Result<Self, Wrong> {
        let reference =
            |dict: &Dictionary, key: &[u8]| dict.get(key).and_then(Object::as_reference).ok();
        let form = before
            .catalog()
            .ok()
            .and_then(|catalog| reference(catalog, b"AcroForm"));
        let mut newly_signed = BTreeSet::new();
        let mut added = BTreeSet::new();
        let fields = match acro_form(before) {
            Some(form) => signature_fields(before, form)?,
            None => Vec::new(),
        };
        for (id, _) in fields {
            let was_free = before
                .get_dictionary(id)
                .is_ok_and(|field| !field.has(b"V"));
            let Ok(field) = after.get_dictionary(id) else {
                continue;
            };
            if was_free && field.has(b"V") {
                newly_signed.insert(id);
                for key in [b"V".as_slice(), b"AP"] {
                    reach(after, field.get(key).ok(), before, &mut added)?;
                }
            }
        }
        let metadata = before
            .catalog()
            .ok()
            .and_then(|catalog| reference(catalog, b"Metadata"));
        if let Ok(catalog) = after.catalog() {
            reach(after, catalog.get(b"DSS").ok(), before, &mut added)?;
            reach(after, catalog.get(b"Extensions").ok(), before, &mut added)?;
        }
        let (root, info) = (
            reference(&before.trailer, b"Root"),
            reference(&before.trailer, b"Info"),
        );
        Ok(Self {
            root,
            form,
            info,
            metadata,
            newly_signed,
            added,
        })
    }

    fn change(&self, id: ObjectId, old: &Object, new: &Object) -> bool {
        if self.metadata == Some(id) {
            // Writers note their name and the time in the metadata of the file; no page shows it.
            let kept = |object: &Object| {
                object
                    .as_stream()
                    .is_ok_and(|stream| stream.dict.has_type(b"Metadata"))
            };
            return kept(old) && kept(new);
        }
        let (Object::Dictionary(old), Object::Dictionary(new)) = (old, new) else {
            return false;
        };
        let keys: &[&[u8]] = if self.newly_signed.contains(&id) {
            &[b"V", b"AP"]
        } else if self.root == Some(id) {
            // An inline form may only gain the flags; it is compared below.
            return but(old, new, &[b"DSS", b"Extensions", b"AcroForm"])
                && self.inline_form(old, new);
        } else if self.form == Some(id) {
            &[b"SigFlags"]
        } else if self.info == Some(id) {
            &[b"ModDate", b"Producer"]
        } else {
            return false;
        };
        but(old, new, keys)
    }

    fn inline_form(&self, old: &Dictionary, new: &Dictionary) -> bool {
        match (old.get(b"AcroForm"), new.get(b"AcroForm")) {
            (Ok(Object::Dictionary(old)), Ok(Object::Dictionary(new))) => {
                but(old, new, &[b"SigFlags"])
            }
            (Ok(old), Ok(new)) => old == new,
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }
}

/// Whether two dictionaries are the same apart from `keys`.
fn but(old: &Dictionary, new: &Dictionary, keys: &[&[u8]]) -> bool {
    let kept = |dict: &Dictionary| {
        let mut kept = dict.clone();
        for key in keys {
            kept.remove(key);
        }
        kept
    };
    alike(
        &Object::Dictionary(kept(old)),
        &Object::Dictionary(kept(new)),
    )
}

/// Whether two values say the same; writers encode texts anew (UTF-16 or PDFDocEncoding), which changes no text.
fn alike(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::String(..), Object::String(..)) => {
            let text = |object: &Object| decode_text_string(object).ok();
            old == new
                || text(old)
                    .is_some_and(|old| text(new).is_some_and(|new| plain(&old) == plain(&new)))
        }
        (Object::Real(_), _) | (_, Object::Real(_)) => match (old.as_float(), new.as_float()) {
            (Ok(old), Ok(new)) => (old - new).abs() <= LENGTH_DIFFERENCE_MAX,
            _ => false,
        },
        (Object::Array(old), Object::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| alike(old, new))
        }
        (Object::Dictionary(old), Object::Dictionary(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .all(|(key, old)| new.get(key).is_ok_and(|new| alike(old, new)))
        }
        _ => old == new,
    }
}

/// The objects new in `after` that can be reached from `start` without passing an old object.
fn reach(
    after: &Document,
    start: Option<&Object>,
    before: &Document,
    found: &mut BTreeSet<ObjectId>,
) -> Result<(), Wrong> {
    let mut open: Vec<&Object> = start.into_iter().collect();
    let mut steps = 0_usize;
    while let Some(object) = open.pop() {
        steps += 1;
        if steps > REACH_MAX * 16 || found.len() > REACH_MAX {
            return Err("an addition is too large to judge");
        }
        match object {
            Object::Reference(id) if !before.objects.contains_key(id) => {
                if found.insert(*id)
                    && let Ok(target) = after.get_object(*id)
                {
                    open.push(target);
                }
            }
            Object::Array(items) => open.extend(items),
            Object::Dictionary(dict) => open.extend(dict.iter().map(|(_, value)| value)),
            Object::Stream(stream) => open.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    Ok(())
}

/// A text without the mark that says how it is encoded.
fn plain(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}
