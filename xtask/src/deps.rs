//! Dependencies are guests with a name tag: a reason each, a budget for the lock file, licences that we can ship.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Packages in the lock file. Every one is code that somebody must trust; two of them (rusqlite's for WebAssembly) are
/// never built.
const LOCK_PACKAGES_MAX: usize = 465;

/// Licences that may be linked into a binary under MIT OR Apache-2.0. MPL-2.0 is weak copyleft per file: unmodified use.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// All findings.
pub fn findings(root: &Path) -> Vec<String> {
    let mut all = reasons(&std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default());
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    if count > LOCK_PACKAGES_MAX {
        all.push(format!(
            "Cargo.lock: {count} packages (limit {LOCK_PACKAGES_MAX})"
        ));
    }
    all.extend(licences(root));
    all
}

fn reasons(manifest: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut inside = false;
    let mut before = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let guest =
            inside && line.contains(" = ") && !line.contains("path = ") && !line.starts_with('#');
        if guest && !before.starts_with("# ") {
            all.push(format!("Cargo.toml: no reason above: {line}"));
        }
        before = line;
    }
    all
}

fn licences(root: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output();
    let Ok(output) = output else {
        return vec!["deps: cargo metadata does not run".to_owned()];
    };
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let Some(packages) = metadata["packages"].as_array() else {
        println!("not run: licences, because cargo metadata needs every package at hand");
        return Vec::new();
    };
    let mut odd: BTreeMap<String, String> = BTreeMap::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none stated");
        if !acceptable(licence) {
            odd.insert(
                package["name"].as_str().unwrap_or("").to_owned(),
                licence.to_owned(),
            );
        }
    }
    odd.into_iter()
        .map(|(name, licence)| format!("deps: {name} is under {licence:?}"))
        .collect()
}

/// Whether at least one alternative of an SPDX expression consists of licences that we can ship.
fn acceptable(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|one| LICENCES.contains(&one.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        assert!(acceptable("MIT OR GPL-3.0"));
        assert!(acceptable("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!acceptable("AGPL-3.0-only"));
    }

    #[test]
    fn a_guest_without_a_reason_is_found() {
        assert_eq!(
            reasons("[workspace.dependencies]\n# why\na = \"1\"\nb = \"2\"\n").len(),
            1
        );
    }

    #[test]
    fn every_dependency_has_a_reason_and_a_licence_we_can_ship() {
        assert_eq!(findings(&crate::root()), Vec::<String>::new());
    }
}
