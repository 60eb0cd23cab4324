//! The order of the layers: `wire` stands on nothing, `craft`, `expression` and `summary` on it, the
//! engines on those and on `engine`, `time` and `fault`; no engine imports another, but for the
//! experiments, which read the responder's reports and know its numbers.

use std::{fs, path::Path};

/// What a layer may import of its own crate.
const LAYERS: &[(&str, &[&str])] = &[
    ("wire", &["wire", "fault"]),
    ("fault", &["wire"]), // only the name of Packet::parse, in a link of its documentation
    ("time", &[]),
    ("engine", &["time", "wire"]),
    ("craft", &["wire", "expression"]),
    ("expression", &["wire", "craft", "expression"]),
    ("summary", &["wire", "fault", "summary"]),
    ("scan", &["wire", "craft", "expression", "engine", "time", "fault", "scan"]),
    ("trace", &["wire", "craft", "engine", "time", "trace"]),
    ("exchange", &["wire", "engine", "time"]),
    ("respond", &["wire", "craft", "summary", "engine", "time", "fault", "respond"]),
    (
        "experiment",
        &[
            "wire",
            "craft",
            "summary",
            "engine",
            "time",
            "fault",
            "experiment",
            "respond::report",
            "respond::v1",
            "respond::modern",
            "respond::classic",
        ],
    ),
];

#[test]
fn every_import_goes_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let layer = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if layer == "lib" {
            continue;
        }
        let row = LAYERS.iter().find(|(name, _)| *name == layer);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{layer} has no place in the layers"));
        check(&path, &layer, allowed);
    }
}

fn check(path: &Path, layer: &str, allowed: &[&str]) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            check(&entry.unwrap().path(), layer, allowed);
        }
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    for import in imports(code) {
        let fits =
            allowed.iter().any(|name| import == *name || import.starts_with(&format!("{name}::")));
        assert!(fits, "{} imports {import}, which {layer} may not", path.display());
    }
}

/// Lists the paths behind `crate::`, groups taken apart one level deep.
fn imports(code: &str) -> Vec<String> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code: String = code.split_whitespace().collect::<Vec<_>>().join("");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let end = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        match rest.strip_prefix('{') {
            None => found.push(rest.split(end).next().unwrap_or_default().to_owned()),
            Some(group) => found.extend(members(group)),
        }
    }
    found
}

/// Lists the members of a group, without what is nested in them.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut name, mut found) = (1, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => found.push(std::mem::take(&mut name)),
            c if depth == 1 => name.push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found.push(name);
    found
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| name.trim_end_matches(':').to_owned())
        .collect()
}
