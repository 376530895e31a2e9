//! Checks of our own, for whoever changes the house: the floors, tidiness, texts. `cargo run -p xtask` prints findings.
//!
//! Each rule carries its reason in its message. A rule that can't be kept is changed here, openly, not worked around.

pub mod deps;
pub mod floors;
pub mod source;
pub mod texts;
pub mod tidy;

use std::path::PathBuf;

/// The project's root folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(PathBuf::from)
        .unwrap_or_default()
}

/// Every finding of every check, one line each.
pub fn findings() -> Vec<String> {
    let root = root();
    let mut all = floors::findings(&root);
    all.extend(tidy::findings(&root));
    all.extend(texts::findings(&root));
    all.extend(deps::findings(&root));
    all
}
