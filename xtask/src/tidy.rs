//! Tidiness: what a reviewer would otherwise have to say again and again.

use std::path::Path;

use crate::source::{File, files};

/// Longest function, in lines: one screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest file, in lines: past that, a story hides in it.
const FILE_LINES_MAX: usize = 700;
/// Longest README of a crate: purpose, words, tables, addresses, neighbours.
const README_LINES_MAX: usize = 40;
/// Statements that exist twice because the engines differ. It may go down; up needs a decision record.
const ENGINE_PAIRS_MAX: usize = 3;

/// Words that must not stand in shipped source, with the reason and what to do instead.
const BANNED: &[(&str, &str)] = &[
    (
        "todo!(",
        "finish it, or leave it out and say so where a user would look",
    ),
    (
        "unimplemented!(",
        "finish it, or leave it out and say so where a user would look",
    ),
    (
        "FIXME",
        "mend it now, or open an issue and say what is missing",
    ),
    (
        "#[allow(",
        "use #[expect(..., reason = \"...\")], which fails when it is no longer needed",
    ),
    (
        "#![allow(",
        "use #![expect(..., reason = \"...\")], which fails when it is no longer needed",
    ),
    ("dbg!(", "use tracing"),
    (
        "std::env::set_var",
        "pass a value; the environment is shared by all bodies of the process",
    ),
    ("static mut", "a process holds many bodies: no globals"),
    ("lazy_static", "a process holds many bodies: no globals"),
    ("/root/", "a path of one machine"),
    ("/home/", "a path of one machine"),
];

/// All findings.
pub fn findings(root: &Path) -> Vec<String> {
    let sources = files(root, &[".rs"]);
    let mut all = Vec::new();
    for file in &sources {
        opening(file, &mut all);
        lengths(file, &mut all);
        bans(file, &mut all);
        layers(file, &mut all);
    }
    pairs(&sources, &mut all);
    readmes(root, &mut all);
    all
}

fn opening(file: &File, all: &mut Vec<String>) {
    if !file.text.starts_with("//!") {
        all.push(format!(
            "{}:1: open with //! (who reads it, what it promises, what it refuses)",
            file.path
        ));
    }
    for (at, line) in file.text.lines().enumerate() {
        if line.ends_with(' ') || line.ends_with('\t') {
            all.push(format!(
                "{}:{}: space at the end of the line",
                file.path,
                at + 1
            ));
        }
    }
}

fn lengths(file: &File, all: &mut Vec<String>) {
    let count = file.text.lines().count();
    if count > FILE_LINES_MAX {
        all.push(format!(
            "{}: {count} lines; split it by story (limit {FILE_LINES_MAX})",
            file.path
        ));
    }
    if file.is_test() {
        return;
    }
    let lines: Vec<(usize, &str)> = file.shipped().collect();
    for (at, (number, line)) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !is_function(line.trim_start()) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[at..].iter().position(|(_, l)| {
            **l == close
                || l.trim_end().ends_with(';')
                    && !l.contains('{')
                    && l.len() - l.trim_start().len() == indent
        });
        if let Some(length) = end
            && length + 1 > FUNCTION_LINES_MAX
        {
            all.push(format!(
                "{}:{number}: a function of {} lines (limit {FUNCTION_LINES_MAX})",
                file.path,
                length + 1
            ));
        }
    }
}

fn is_function(line: &str) -> bool {
    [
        "fn ",
        "pub fn ",
        "pub(crate) fn ",
        "pub(super) fn ",
        "async fn ",
        "pub async fn ",
        "pub(crate) async fn ",
        "pub(super) async fn ",
        "const fn ",
        "pub const fn ",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

fn bans(file: &File, all: &mut Vec<String>) {
    if file.path.starts_with("xtask/") {
        return;
    }
    for (number, line) in file.shipped() {
        for (word, instead) in BANNED {
            if line.contains(word) {
                all.push(format!(
                    "{}:{number}: {word:?} is banned: {instead}",
                    file.path
                ));
            }
        }
    }
}

fn layers(file: &File, all: &mut Vec<String>) {
    let name = file.crate_name();
    if file.is_test() || ["xtask", "tambo", "town"].contains(&name) {
        return;
    }
    let face = file.path.ends_with("/http.rs")
        || file.path.contains("/http/")
        || file.path.contains("/pages");
    let statements = file.path.ends_with("/sql.rs") || file.path.contains("/sql/");
    for (number, line) in file.shipped() {
        let code = line.split("//").next().unwrap_or("");
        if code.contains("axum") && name != "web" && !face {
            all.push(format!(
                "{}:{number}: axum belongs in http.rs and pages/ only",
                file.path
            ));
        }
        if code.contains("sqlx") && name != "store" {
            all.push(format!(
                "{}:{number}: the database driver belongs in store only",
                file.path
            ));
        }
        if !statements && name != "store" && holds_sql(code) {
            all.push(format!("{}:{number}: SQL belongs in sql.rs", file.path));
        }
        if statements && name != "store" {
            foreign_table(name, code, number, file, all);
        }
    }
}

fn holds_sql(code: &str) -> bool {
    ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "]
        .iter()
        .any(|start| code.contains(start))
}

fn foreign_table(name: &str, code: &str, number: usize, file: &File, all: &mut Vec<String>) {
    for start in ["FROM ", "INTO ", "UPDATE ", "JOIN "] {
        for after in code.split(start).skip(1) {
            let table: String = after
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit())
                .collect();
            if table.contains('_') && !table.starts_with(&format!("{name}_")) {
                all.push(format!(
                    "{}:{number}: table {table:?} is not of crate {name:?}",
                    file.path
                ));
            }
        }
    }
}

fn pairs(sources: &[File], all: &mut Vec<String>) {
    let count = sources
        .iter()
        .filter(|file| file.path.ends_with("sql.rs"))
        .flat_map(|file| file.text.lines())
        .filter(|line| line.contains("const ") && line.contains("_POSTGRES"))
        .count();
    if count > ENGINE_PAIRS_MAX {
        all.push(format!(
            "{count} statements differ by engine (limit {ENGINE_PAIRS_MAX}): find one text for both"
        ));
    }
}

fn readmes(root: &Path, all: &mut Vec<String>) {
    for file in files(root, &["Cargo.toml"]) {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        match std::fs::read_to_string(root.join(folder).join("README.md")) {
            Err(_) => all.push(format!("{folder}: no README.md")),
            Ok(text) if text.lines().count() > README_LINES_MAX => {
                all.push(format!(
                    "{folder}/README.md: more than {README_LINES_MAX} lines"
                ));
            }
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn each_rule_finds_its_offence() {
        let long = format!("//! x\nfn f() {{\n{}}}\n", "    g();\n".repeat(80));
        let mut all = Vec::new();
        lengths(&file("a/src/lib.rs", &long), &mut all);
        opening(&file("a/src/lib.rs", "fn f() {} \n"), &mut all);
        bans(&file("a/src/lib.rs", "#[allow(dead_code)]\n"), &mut all);
        layers(
            &file(
                "platform/a/src/story.rs",
                "use axum::Router;\nconst X: &str = \"SELECT 1\";\n",
            ),
            &mut all,
        );
        layers(
            &file(
                "platform/a/src/sql.rs",
                "const X: &str = \"SELECT 1 FROM b_thing\";\n",
            ),
            &mut all,
        );
        assert_eq!(all.len(), 7, "{all:#?}");
    }

    #[test]
    fn the_house_is_tidy() {
        assert_eq!(findings(&crate::root()), Vec::<String>::new());
    }
}
