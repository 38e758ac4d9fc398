//! `detektr pattern new ID`: a pattern to begin with, which `lint` takes and `run` proves.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::terminal::in_json;
use detektr_validate::pattern;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// Write a pattern to begin with
///
/// It holds all that a pattern needs, with a goal that its variants reach; `detektr pattern run --patterns DIR ID` proves it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, which never changes: small letters, digits and `-`
    #[arg(value_name = "ID")]
    id: String,
    /// Where to write it
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The technique
    #[arg(long, value_name = "ID", default_value = "T1204.002")]
    technique: String,
    /// The tactic
    #[arg(long, value_name = "TACTIC", default_value = "execution")]
    tactic: String,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let text = TEMPLATE
        .replace("{id}", &args.id)
        .replace("{technique}", &args.technique)
        .replace("{tactic}", &args.tactic);
    let file = args.dir.join(format!("{}.yaml", args.id));
    pattern::read(&file, &text).map_err(|e| Failure::foreign(exit::USAGE, e.into()))?;
    let unwritten = |e| {
        Failure::usage("detektr::pattern::new", format!("can't write {}", shown(&file)))
            .because(e)
            .help("name a folder that you may write to, where no such file is: --dir DIR")
    };
    File::create_new(&file).and_then(|mut new| new.write_all(text.as_bytes())).map_err(unwritten)?;
    if context.json {
        context.out.document(&json!({ "file": in_json(&file) }))?;
    } else {
        writeln!(context.out, "{}", shown(&file))?;
    }
    Ok(exit::OK)
}

const TEMPLATE: &str = "detektr: 1
pattern: {id}
title: A program is dropped and started
technique: {technique}
tactic: {tactic}
emulates: >-
  What an attacker does, and what for.
harmless: >-
  Why running it can do no harm.
goal: ran('/tmp/{id}')
variants:
  copied: |
    cp /bin/true /tmp/{id}
    /tmp/{id}
  piped: |
    cat /bin/true >/tmp/{id}
    chmod 755 /tmp/{id}
    /tmp/{id}
  renamed: |
    cp /bin/true /tmp/part
    mv /tmp/part /tmp/{id}
    /tmp/{id}
benign: |
  cp /bin/true /tmp/kept
  cmp /bin/true /tmp/kept
";
