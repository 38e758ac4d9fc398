//! `detektr verify RUN`: whether a bundle is what was sealed, by whom, and what is wrong with it if not.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::told;
use crate::terminal::{clean, in_json, shorten};
use detektr_evidence::{Problem, PublicKey, Verification, keys, verify};
use serde_json::json;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Check a bundle: signature, every hash, ledger, reconciliation
///
/// The signature must be by a key that you trust: one given with --trust, else one of your own data folder.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle (folder or .tar.zst)
    run: OsString,
    /// Public key (PEM) whose bundles are trusted, instead of your own; may be given several times
    #[arg(long, value_name = "KEYFILE", conflicts_with = "any_key")]
    trust: Vec<PathBuf>,
    /// Take any signer: check only that nothing changed since it was signed
    #[arg(long)]
    any_key: bool,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let store = context.store()?;
    let path = store.find(&args.run)?;
    let trusted = match args.trust.as_slice() {
        _ if args.any_key => None,
        [] => Some(own_keys(store.home())),
        files => Some(files.iter().map(|file| key(file)).collect::<Result<_, _>>()?),
    };
    let mut verification = verify(&path, None);
    judge_signer(&mut verification, trusted.as_deref());
    if context.json {
        document(&path, &verification, context)?;
    } else {
        report(&path, &verification, args.any_key, context)?;
    }
    Ok(if verification.is_good() { exit::OK } else { exit::FAILS })
}

/// A right signature by a stranger is worth nothing: anybody can make one.
fn judge_signer(verification: &mut Verification, trusted: Option<&[PublicKey]>) {
    if let (Some(trusted), Some(signer)) = (trusted, &verification.signer)
        && !trusted.contains(signer)
    {
        verification.problems.push(Problem {
            code: "foreign_key".into(),
            file: "attestation.dsse.json".into(),
            detail: format!(
                "it is signed by {}, which is no key that you trust; give the signer's public key with --trust, \
                 or --any-key to leave the signer aside",
                signer.id()
            ),
        });
    }
}

fn own_keys(home: &Path) -> Vec<PublicKey> {
    let folder = home.join("keys");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "pem"))
        .filter_map(|path| keys::load_public(&path).ok())
        .collect()
}

fn key(file: &Path) -> Result<PublicKey, Failure> {
    keys::load_public(file).map_err(|e| {
        told(file, &e).help("name a file with the signer's public key as PEM: detektr key export-public FILE")
    })
}

fn document(path: &Path, verification: &Verification, context: &mut Context) -> Result<(), Failure> {
    let manifest = verification.manifest.as_ref();
    context.out.document(&json!({
        "bundle": in_json(path),
        "run": manifest.map(|m| &m.run),
        "valid": verification.is_good(),
        "signer": verification.signer.as_ref().map(PublicKey::id),
        "state": manifest.map(|m| m.state.name()),
        "complete": manifest.map(|m| m.complete),
        "events": verification.events,
        "problems": verification.problems,
    }))?;
    Ok(())
}

fn report(path: &Path, found: &Verification, any_key: bool, context: &mut Context) -> Result<(), Failure> {
    let style = context.out.style;
    let out = &mut context.out;
    if found.is_good() {
        writeln!(out, "{} {}", style.green("valid"), shown(path))?;
    } else {
        writeln!(
            out,
            "{} {}: {}",
            style.red("invalid"),
            shown(path),
            match found.problems.len() {
                1 => "1 problem".to_owned(),
                n => format!("{n} problems"),
            }
        )?;
    }
    for problem in &found.problems {
        let file = if problem.file.is_empty() { "the bundle" } else { &problem.file };
        let detail = shorten(&clean(&problem.detail), 500);
        writeln!(out, "  {} {}: {detail}", style.yellow(&clean(&problem.code)), clean(file))?;
    }
    if let Some(signer) = &found.signer {
        let trust = if any_key { " (not checked whose it is)" } else { "" };
        writeln!(out, "signed by {}{trust}", signer.id())?;
    }
    if let Some(manifest) = found.manifest.as_ref().filter(|_| found.is_good()) {
        let whole = if manifest.complete { "complete" } else { "incomplete" };
        writeln!(out, "{} events, {}, evidence {whole}", found.events, style.state(manifest.state.name()))?;
    }
    Ok(())
}
