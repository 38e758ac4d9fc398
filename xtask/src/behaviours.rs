//! `behaviours`: the list of shipped behaviours, for the binary and for docs/behaviours.md.

use std::fs;
use std::path::{Path, PathBuf};

const MODULE: &str = "crates/detect/src/behaviour/shipped.rs";
const PAGE: &str = "docs/behaviours.md";
const BEGIN: &str = "<!-- list: cargo xtask behaviours -->\n";

/// Writes both lists. The page tells what this very program was built with: after a change of `behaviours/` it takes
/// a second call.
pub fn write(workspace: &Path) -> Result<String, String> {
    for (file, made) in LISTS {
        fs::write(workspace.join(file), made(workspace)?)
            .map_err(|error| format!("can't write {file}: {error}"))?;
    }
    Ok(format!("{MODULE} and {PAGE} written"))
}

/// Compares both with what is there.
pub fn check(workspace: &Path) -> Result<String, String> {
    for (file, made) in LISTS {
        if fs::read_to_string(workspace.join(file)).ok() != Some(made(workspace)?) {
            return Err(format!(
                "{file} does not list what behaviours/ holds; run `cargo xtask behaviours` twice"
            ));
        }
    }
    Ok("the lists of behaviours are right".to_owned())
}

type Made = fn(&Path) -> Result<String, String>;
const LISTS: [(&str, Made); 2] = [(MODULE, module), (PAGE, page)];

fn module(workspace: &Path) -> Result<String, String> {
    let names = files_below(&workspace.join("behaviours"), "yml")?;
    let mut text = String::from(
        "//! The rules under `behaviours/`, as they are shipped. Written by `cargo xtask behaviours`.\n\nmacro_rules! rule {\n    \
         ($name:literal) => {\n        ($name, include_str!(concat!(\"../../../../behaviours/\", $name)))\n    };\n}\n\n\
         pub(super) const FILES: &[(&str, &str)] = &[\n",
    );
    for name in names {
        text.push_str(&format!("    rule!(\"{name}\"),\n"));
    }
    text.push_str("];\n");
    Ok(text)
}

/// The files below `folder` that end so, as paths within it, in their order.
pub fn files_below(folder: &Path, end: &str) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    collect(folder, end, &mut files).map_err(|error| format!("can't read {}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        files.iter().filter_map(|file| Some(file.strip_prefix(folder).ok()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn collect(folder: &Path, end: &str, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, end, files)?;
        } else if path.extension().is_some_and(|own| own == end) {
            files.push(path);
        }
    }
    Ok(())
}

/// The page as it is, with the list below its mark made anew.
fn page(workspace: &Path) -> Result<String, String> {
    let text =
        fs::read_to_string(workspace.join(PAGE)).map_err(|error| format!("can't read {PAGE}: {error}"))?;
    let (head, _) = text.split_once(BEGIN).ok_or_else(|| format!("{PAGE} has no line {}", BEGIN.trim()))?;
    let all = detektr_detect::Behaviours::load([])
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let mut list = String::new();
    for tactic in detektr_detect::attack::TACTICS {
        let mut rows: Vec<String> = all
            .definitions()
            .filter(|one| one.tactic.as_ref().is_some_and(|own| own.id == tactic.id))
            .map(|one| {
                let techniques: Vec<String> = one
                    .techniques
                    .iter()
                    .map(|known| format!("{} {}", known.id, known.name.as_deref().unwrap_or_default()))
                    .collect();
                let (level, confidence) = (one.level.name(), one.confidence.name());
                format!(
                    "| `{}` | {} | {} | {level} | {confidence} |\n",
                    one.id,
                    one.title,
                    techniques.join(", ")
                )
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort();
        let head = "| id | behaviour | ATT&CK | level | confidence |\n|---|---|---|---|---|";
        list.push_str(&format!("\n### {} ({})\n\n{head}\n{}", tactic.name, tactic.id, rows.concat()));
    }
    Ok(format!("{head}{BEGIN}{list}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lists_are_those_of_the_files() {
        assert_eq!(super::check(&crate::workspace()), Ok("the lists of behaviours are right".to_owned()));
    }
}
