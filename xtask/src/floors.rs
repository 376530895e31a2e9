//! The floors: a crate uses lower floors, or crates to its left on its own; services never use one another.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// From the ground up, left to right. A crate that is not listed here has no place yet: give it one.
const ORDER: [(&str, &[&str]); 4] = [
    (
        "infrastructure",
        &[
            "kernel",
            "store",
            "web",
            "trust",
            "exchange",
            "registry",
            "datacentre",
        ],
    ),
    (
        "platform",
        &[
            "identity",
            "documents",
            "workflow",
            "security",
            "enterprise",
            "hosting",
        ],
    ),
    (
        "services",
        &[
            "portal",
            "complaints",
            "learning",
            "city",
            "opendata",
            "participation",
            "governance",
            "reach",
        ],
    ),
    ("root", &["town", "tambo", "xtask"]),
];

fn place(name: &str) -> Option<(usize, usize)> {
    ORDER.iter().enumerate().find_map(|(floor, (_, crates))| {
        crates
            .iter()
            .position(|known| *known == name)
            .map(|at| (floor, at))
    })
}

/// Whether `user` may use `used`.
pub fn allowed(user: &str, used: &str) -> bool {
    let (Some((user_floor, user_at)), Some((used_floor, used_at))) = (place(user), place(used))
    else {
        return false;
    };
    let services = 2;
    match user_floor.cmp(&used_floor) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => user_floor != services && used_at < user_at,
        std::cmp::Ordering::Less => false,
    }
}

/// Every upward edge of the workspace.
pub fn findings(root: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output();
    let metadata: Value = match output {
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        Err(error) => return vec![format!("floors: cargo metadata does not run: {error}")],
    };
    let Some(packages) = metadata["packages"].as_array() else {
        return vec!["floors: cargo metadata gave no packages".to_owned()];
    };
    packages.iter().flat_map(edges).collect()
}

fn edges(package: &Value) -> Vec<String> {
    let user = package["name"].as_str().unwrap_or("");
    if place(user).is_none() {
        return vec![format!(
            "floors: {user:?} has no place in xtask/src/floors.rs; give it one"
        )];
    }
    let dependencies = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string())
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|used| !allowed(user, used))
        .map(|used| format!("floors: {user:?} may not use {used:?}: calls go down or left only"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_down_or_left_only() {
        for (user, used, may) in [
            ("portal", "workflow", true),
            ("workflow", "documents", true),
            ("documents", "workflow", false),
            ("kernel", "store", false),
            ("complaints", "portal", false),
            ("portal", "town", false),
            ("tambo", "town", true),
            ("trust", "web", true),
        ] {
            assert_eq!(allowed(user, used), may, "{user} -> {used}");
        }
    }

    #[test]
    fn the_house_keeps_its_floors() {
        assert_eq!(findings(&crate::root()), Vec::<String>::new());
    }
}
