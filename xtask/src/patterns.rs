//! `patterns`: the list of shipped patterns, for the binary.

use crate::behaviours::files_below;
use std::fs;
use std::path::Path;

const MODULE: &str = "crates/validate/src/pattern/shipped.rs";

/// Writes the list.
pub fn write(workspace: &Path) -> Result<String, String> {
    fs::write(workspace.join(MODULE), module(workspace)?)
        .map_err(|error| format!("can't write {MODULE}: {error}"))?;
    Ok(format!("{MODULE} written"))
}

/// Compares it with what is there.
pub fn check(workspace: &Path) -> Result<String, String> {
    if fs::read_to_string(workspace.join(MODULE)).ok() == Some(module(workspace)?) {
        return Ok("the list of patterns is right".to_owned());
    }
    Err(format!("{MODULE} does not list what patterns/ holds; run `cargo xtask patterns`"))
}

fn module(workspace: &Path) -> Result<String, String> {
    let names = files_below(&workspace.join("patterns"), "yaml")?;
    let mut text = String::from(
        "//! The patterns under `patterns/`, as they are shipped. Written by `cargo xtask patterns`.\n\nmacro_rules! pattern {\n    \
         ($name:literal) => {\n        ($name, include_str!(concat!(\"../../../../patterns/\", $name)))\n    };\n}\n\n\
         pub(super) const FILES: &[(&str, &str)] = &[\n",
    );
    names.iter().for_each(|name| text.push_str(&format!("    pattern!(\"{name}\"),\n")));
    text.push_str("];\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_that_of_the_files() {
        assert_eq!(super::check(&crate::workspace()), Ok("the list of patterns is right".to_owned()));
    }
}
