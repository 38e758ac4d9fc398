//! Chores of this repository: `cargo xtask schema` writes the JSON Schemas under `schema/`, `cargo xtask behaviours` the
//! lists of behaviours, `cargo xtask patterns` that of patterns, `cargo xtask bpf` compiles the BPF programs, `cargo xtask atomics DIR` runs
//! every test of a checkout of Atomic Red Team and tells what came of it, `cargo xtask licences FILE` lists what is linked in. With `--check` nothing is written, and what differs is named.

mod atomics;
mod behaviours;
mod bpf;
mod licences;
mod patterns;
mod schema;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask schema|behaviours|patterns|bpf [--check]\n       cargo xtask atomics DIR\n       cargo xtask licences FILE";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["schema"] => schema::write(&workspace()),
        ["schema", "--check"] => schema::check(&workspace()),
        ["behaviours"] => behaviours::write(&workspace()),
        ["behaviours", "--check"] => behaviours::check(&workspace()),
        ["patterns"] => patterns::write(&workspace()),
        ["patterns", "--check"] => patterns::check(&workspace()),
        ["atomics", folder] => atomics::sweep(&workspace(), folder),
        ["licences", file] => licences::write(&workspace(), file),
        ["bpf"] => bpf::run(&workspace(), false).map(|()| "compiled".to_owned()),
        ["bpf", "--check"] => {
            bpf::run(&workspace(), true).map(|()| "the objects are what their sources compile to".to_owned())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
