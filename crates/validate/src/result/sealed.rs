//! Reading a result, and checking that it is what was signed.

use super::{ATTESTATION, DOCUMENT, ENGINES, FORMAT, INPUTS, Inputs, RUNS, ResultDocument, attest, write};
use crate::goal::Condition;
use crate::plan::Digest;
use detektr_evidence::dsse::{self, STATEMENT_TYPE};
use detektr_evidence::{PublicKey, sha256_hex};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read.
const BOUND: u64 = 256 << 20;

/// A result that was found whole and signed by the key that it names.
#[derive(Clone, Debug)]
pub struct SealedResult {
    /// Its folder.
    pub path: PathBuf,
    /// What it says.
    pub document: ResultDocument,
    /// The files that it judged by.
    pub inputs: Inputs,
    /// Who signed it.
    pub signer: PublicKey,
}

/// Why a result can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file of it can't be read.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is not what was signed.
    #[error("{}: {what}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl SealedResult {
    /// Reads the result in the folder `path`.
    ///
    /// # Errors
    /// Names the first file that is missing or is not what was signed.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let bytes = read(&path.join(DOCUMENT))?;
        let altered = |file: &str, what: String| Problem::Altered { path: path.join(file), what };
        let envelope = read(&path.join(ATTESTATION))?;
        let (statement, signer) =
            dsse::open::<attest::Statement>(&envelope).map_err(|what| altered(ATTESTATION, what))?;
        if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != attest::PREDICATE_TYPE {
            return Err(altered(ATTESTATION, "the statement is of another type".into()));
        }
        if statement.subject.first().is_none_or(|subject| subject.digest.sha256 != sha256_hex(&bytes)) {
            return Err(altered(DOCUMENT, "it is not what was signed".into()));
        }
        let mut document: ResultDocument = serde_json::from_slice(&bytes)
            .map_err(|error| altered(DOCUMENT, format!("it is no result: {error}")))?;
        if document.format != FORMAT {
            return Err(altered(DOCUMENT, format!("format {:?} is not {FORMAT}", document.format)));
        }
        // read leniently, a condition could be taken for another one
        let goal = document.plan.goal.as_ref().map(|goal| &goal.condition);
        for text in goal.into_iter().chain(&document.plan.attempt) {
            Condition::parse(text)
                .map_err(|error| altered(DOCUMENT, format!("`{text}` is no condition: {}", error.what)))?;
        }
        if write::bytes(&document) != bytes || attest::statement(&document, &bytes, &signer) != statement {
            return Err(altered(ATTESTATION, "it does not say what the result says".into()));
        }
        let mut inputs = Inputs::new();
        for (name, digest) in &document.plan.files {
            let file = format!("{INPUTS}/{}", digest.sha256);
            let content = read(&path.join(&file))?;
            if sha256_hex(&content) != digest.sha256 || content.len() as u64 != digest.size {
                return Err(altered(&file, format!("it is not the `{name}` that was used")));
            }
            inputs.insert(name.clone(), content);
        }
        for reply in &mut document.engines {
            let file = format!("{ENGINES}/{}", reply.output.sha256);
            reply.content = read(&path.join(&file))?;
            if Digest::of(&reply.content) != reply.output {
                return Err(altered(
                    &file,
                    format!("it is not what the engine of {} put out", reply.question),
                ));
            }
        }
        Ok(SealedResult { path: path.to_owned(), document, inputs, signer })
    }

    /// Where the bundle of `run` lies if the result carries it along: a folder, or an archive.
    pub fn carried(&self, run: &str) -> Option<PathBuf> {
        let folder = self.path.join(RUNS);
        [folder.join(run), folder.join(format!("{run}.tar.zst"))].into_iter().find(|path| path.exists())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let unreadable = |source| Problem::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > BOUND {
        return Err(Problem::Altered {
            path: path.to_owned(),
            what: format!("{size} bytes are more than the {BOUND} that are read"),
        });
    }
    let mut bytes = Vec::new();
    file.take(BOUND).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
