//! Rule files: one, or all of a folder; and those that can't be used.

use crate::failure::{Failure, shown};
use crate::terminal::{Out, clean};
use detektr_detect::{RuleError, RuleSet};
use detektr_validate::file::yaml_files;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Rules that can be asked, and those that can't.
pub struct Loaded {
    /// What can be asked; never empty.
    pub rules: RuleSet,
    /// What can't, and why.
    pub not_loaded: Vec<RuleError>,
}

impl Loaded {
    /// From a file, or from the `.yml` and `.yaml` files of a folder and those below it.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let files = if path.is_dir() {
            yaml_files(path).map_err(|e| unreadable(path, e))?
        } else {
            vec![path.to_owned()]
        };
        let contents: Vec<(String, Vec<u8>)> =
            files.iter().map(|file| Ok((shown(file), read(file)?))).collect::<Result<_, Failure>>()?;
        let named = contents.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
        let (rules, not_loaded) = RuleSet::load_usable(named);
        if rules.rules().next().is_some() {
            return Ok(Loaded { rules, not_loaded });
        }
        Err(match not_loaded.as_slice() {
            [] => Failure::usage("detektr::rule::none", format!("there is no rule in {}", shown(path)))
                .help("name a Sigma rule, or a folder with .yml or .yaml files of rules"),
            errors => unusable(errors),
        })
    }

    /// What could not be loaded, for `--json`.
    pub fn document(&self) -> Value {
        let each = self.not_loaded.iter();
        each.map(|e| json!({"file": e.file, "what": e.what, "remedy": e.remedy})).collect()
    }

    /// What could not be loaded, for people.
    pub fn complain(&self, out: &mut Out) -> io::Result<()> {
        let style = out.style;
        for error in &self.not_loaded {
            writeln!(out, "{} {}: {}", style.red("not loaded"), clean(&error.file), clean(&error.what))?;
            writeln!(out, "  {}", style.dim(&clean(&error.remedy)))?;
        }
        Ok(())
    }
}

/// Why no rule can be used.
pub fn unusable(errors: &[RuleError]) -> Failure {
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let remedy = errors.first().map(|e| e.remedy.clone()).unwrap_or_default();
    Failure::usage("detektr::rule::unusable", all.join("\n")).help(remedy)
}

/// The content of a rule file.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|e| unreadable(file, e))
}

fn unreadable(path: &Path, e: io::Error) -> Failure {
    Failure::usage("detektr::rule::unreadable", format!("can't read {}", shown(path)))
        .because(e)
        .help("name a Sigma rule, or a folder of them, that you may read")
}
