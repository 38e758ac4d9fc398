//! `detektr key`: the key that bundles are signed with.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::told;
use crate::terminal::in_json;
use detektr_evidence::keys;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Show, import or export the signing key
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the id and the public half of the own key; it is made where there is none
    Show,
    /// Make an Ed25519 private key (PKCS#8 PEM) the own key; the old one is kept beside it
    Import {
        /// The key file
        file: PathBuf,
    },
    /// Write the public half of the own key, as PEM
    ExportPublic {
        /// Where to; standard output by default
        file: Option<PathBuf>,
    },
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let store = context.store()?;
    let (key, written) = match args.action {
        Action::Show => {
            store.prepare()?;
            (own(store.home())?, None)
        }
        Action::Import { file } => {
            store.prepare()?;
            (keys::import(store.home(), &file).map_err(|e| unusable(&file, &e))?, None)
        }
        Action::ExportPublic { file } => {
            store.prepare()?;
            let key = own(store.home())?;
            match &file {
                Some(file) => write(file, &key.to_pem())?,
                None if !context.json => {
                    write!(context.out, "{}", key.to_pem())?;
                    return Ok(exit::OK);
                }
                None => {}
            }
            (key, file)
        }
    };
    let path = keys::own_key_path(store.home());
    if context.json {
        context.out.document(&json!({
            "id": key.id(), "path": in_json(&path), "public_key": key.to_pem(), "written": written.as_deref().map(in_json),
        }))?;
    } else if let Some(file) = written {
        writeln!(context.out, "{}", shown(&file))?;
    } else {
        writeln!(context.out, "{}\n{}\n{}", key.id(), shown(&path), key.to_pem().trim_end())?;
    }
    Ok(exit::OK)
}

fn own(home: &Path) -> Result<keys::PublicKey, Failure> {
    let key = keys::load_or_create(home).map_err(|e| told(home, &e))?;
    Ok(key.public())
}

fn unusable(file: &Path, e: &detektr_evidence::EvidenceError) -> Failure {
    told(file, e)
        .help("name a file with an Ed25519 private key as PKCS#8 PEM: openssl genpkey -algorithm ed25519")
}

fn write(file: &Path, pem: &str) -> Result<(), Failure> {
    std::fs::write(file, pem).map_err(|e| {
        Failure::usage("detektr::key::write", format!("can't write {}", shown(file)))
            .because(e)
            .help("name a file that you may write")
    })
}
