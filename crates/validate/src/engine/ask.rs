//! Asking the engines of a plan about its runs.

use super::feed::feed;
use super::process::{self, Bounds, Output};
use super::{Ended, Engine, Reply, engines};
use crate::evaluate::{reads, sealed};
use crate::plan::{Digest, Plan};
use crate::result::Inputs;
use crate::run::Located;
use detektr_evidence::Bundle;
use detektr_sandbox::WorkFolder;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Checks before anything runs that the program of each engine is there.
///
/// # Errors
/// One sentence for each that is not.
pub fn check(plan: &Plan) -> Result<(), Vec<String>> {
    let missing: Vec<String> = engines(plan)
        .filter(|(_, engine)| program(engine).is_none())
        .map(|(question, engine)| {
            let program = engine.command.first().map(String::as_str).unwrap_or_default();
            format!("the engine of {} can't run: there is no program `{program}` on this host", question.id)
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

/// Why an engine can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("the engine of {question} can't be asked about run {run}")]
pub struct Unasked {
    /// The question.
    pub question: String,
    /// The run.
    pub run: String,
    /// Why: its bundle can't be read to its end, or there is no room for a folder.
    pub source: io::Error,
}

/// Asks every engine of `plan` about each of its runs, on this host, in a folder of the data folder `home`. Answers that
/// `before` holds are kept. What can't be asked (no bundle, or one that is not whole) is left out; the verdicts say why.
///
/// # Errors
/// Where a bundle that is sealed can't be read to its end, or the engine has no place.
pub fn ask(
    plan: &Plan,
    inputs: &Inputs,
    located: &[Located],
    before: Vec<Reply>,
    home: &Path,
    cancel: &AtomicBool,
) -> Result<Vec<Reply>, Unasked> {
    let mut replies = Vec::new();
    for one in located {
        let run = &one.arm.run;
        let asked: Vec<_> =
            engines(plan).filter(|(question, _)| reads(question, &one.arm.arm.role)).collect();
        if asked.is_empty() || sealed(one).is_err() {
            continue;
        }
        let Ok(bundle) = Bundle::open(&one.bundle) else { continue };
        for (question, engine) in asked {
            if let Some(known) = before.iter().find(|old| old.question == question.id && old.run == *run) {
                replies.push(known.clone());
                continue;
            }
            let unasked = |source| Unasked { question: question.id.clone(), run: run.clone(), source };
            replies.push(reply(&question.id, run, engine, inputs, &bundle, (home, cancel)).map_err(unasked)?);
        }
    }
    Ok(replies)
}

fn reply(
    question: &str,
    run: &str,
    engine: &Engine,
    inputs: &Inputs,
    bundle: &Bundle,
    (home, cancel): (&Path, &AtomicBool),
) -> io::Result<Reply> {
    let scratch = WorkFolder::new(&home.join("work"), "engine")?;
    // the engine's files have a folder without Detektr's own among them
    let folder = scratch.path().join("files");
    DirBuilder::new().mode(0o700).create(&folder)?;
    let asked = scratch.path().join("asked");
    let fed = feed(engine.view, bundle, File::create_new(&asked)?)?;
    let input = File::open(&asked)?;
    fs::remove_file(&asked)?;
    for name in &engine.files {
        place(&folder, name, inputs.get(name).map(Vec::as_slice).unwrap_or_default())?;
    }
    let bounds = Bounds { time: Duration::from_millis(engine.timeout_ms), cancel };
    let not_started =
        |why: String| Output { ended: Ended::NotStarted(why), content: Vec::new(), complaint: None };
    let named = program(engine);
    let path = named.as_ref().map(|named| folder.join(named));
    let content = path.as_ref().and_then(|path| fs::read(path).ok());
    let program_digest = content.map(|content| Digest::of(&content));
    let Output { ended, content, complaint } = match &path {
        Some(path) => process::run(path, &engine.command[1..], &folder, input, &bounds)
            .unwrap_or_else(|e| not_started(e.to_string())),
        None => not_started("its program is not on this host any more".into()),
    };
    Ok(Reply {
        question: question.to_owned(),
        run: run.to_owned(),
        program: named.unwrap_or_default().to_string_lossy().into_owned(),
        program_digest,
        input: fed.digest,
        ended,
        complaint,
        output: Digest::of(&content),
        content,
    })
}

/// The program of an engine: its path on this host, or the name of one of its files.
fn program(engine: &Engine) -> Option<PathBuf> {
    let word = engine.command.first()?;
    if let Some(file) = engine.path_of(word).filter(|_| word.contains('/')) {
        return Some(file.into());
    }
    let runs = |path: &Path| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if word.contains('/') {
        return Some(PathBuf::from(word)).filter(|path| runs(path));
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(word))
        .find(|path| path.is_absolute() && runs(path))
}

/// Writes a file of an engine into its `folder`, with the folders above it.
fn place(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?.write_all(content)
}
