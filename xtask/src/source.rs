//! The project's own source files, as the other checks read them.

use std::path::{Path, PathBuf};

/// A file with its path from the root.
pub struct File {
    /// For messages, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl File {
    /// The crate's name: the folder that holds `src`.
    pub fn crate_name(&self) -> &str {
        let before = self.path.split("/src/").next().unwrap_or("");
        before
            .split("/tests/")
            .next()
            .unwrap_or("")
            .rsplit('/')
            .next()
            .unwrap_or("")
    }

    /// Whether all of it is test code.
    pub fn is_test(&self) -> bool {
        let folders = ["/tests/", "/benches/", "/examples/"];
        folders.iter().any(|folder| self.path.contains(folder)) || self.path.ends_with("tests.rs")
    }

    /// The lines before `#[cfg(test)] mod ... {`: what ships.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = Vec::new();
        let all: Vec<&str> = self.text.lines().collect();
        for (at, line) in all.iter().enumerate() {
            let next = all.get(at + 1).copied().unwrap_or("");
            if *line == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{') {
                break;
            }
            lines.push((at + 1, *line));
        }
        lines.into_iter()
    }
}

/// All files below `root` whose name ends with one of `endings`, sorted; build output and hidden folders left out.
pub fn files(root: &Path, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(root, root, endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(root: &Path, folder: &Path, endings: &[&str], found: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for path in paths {
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.starts_with('.') || ["target", "node_modules", "demo-data"].contains(&name.as_str())
        {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let shown = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            found.push(File { path: shown, text });
        }
    }
}
