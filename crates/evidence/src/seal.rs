//! The seal of a bundle: an in-toto Statement v1 about artifact and manifest, in a DSSE envelope ([`crate::dsse`]).

use crate::dsse::{self, Digest, STATEMENT_TYPE, Signed, Subject};
use crate::hash::sha256_hex;
use crate::keys::{PublicKey, SigningKey};
use crate::manifest::{Artifact, Manifest};
use serde::{Deserialize, Serialize};

/// Type of what is said about the subjects.
pub const PREDICATE_TYPE: &str = "https://detektr.dev/detonation/v1";

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// `https://in-toto.io/Statement/v1`.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The artifact, then the manifest.
    pub subject: [Subject; 2],
    /// `https://detektr.dev/detonation/v1`.
    pub predicate_type: String,
    /// What is said about them.
    pub predicate: Predicate,
}

/// What is said: this run of the artifact is told by this manifest, sealed with this key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// Format of the bundle.
    pub format: String,
    /// Id of the run.
    pub run: String,
    /// Version of the program that sealed it.
    pub tool_version: String,
    /// The signing key's public half, 64 hexadecimal digits.
    pub public_key: String,
}

/// An attestation that was read and found signed by the key that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// What it says.
    pub statement: Statement,
    /// Who says it.
    pub signer: PublicKey,
}

/// The digest that stands for the artifact: that of its file, or for a command of its words, each followed by
/// a NUL byte.
pub fn artifact_digest(artifact: &Artifact) -> String {
    artifact.sha256.clone().unwrap_or_else(|| {
        let mut words = Vec::new();
        for word in &artifact.argv {
            words.extend_from_slice(word.as_bytes());
            words.push(0);
        }
        sha256_hex(&words)
    })
}

/// The statement about `manifest`, whose file is `manifest_bytes`, as signed by `signer`.
pub(crate) fn statement(manifest: &Manifest, manifest_bytes: &[u8], signer: &PublicKey) -> Statement {
    let subject = |name: String, sha256: String| Subject { name, digest: Digest { sha256 } };
    Statement {
        statement_type: STATEMENT_TYPE.into(),
        subject: [
            subject(format!("artifact/{}", manifest.artifact.name), artifact_digest(&manifest.artifact)),
            subject("manifest.json".into(), sha256_hex(manifest_bytes)),
        ],
        predicate_type: PREDICATE_TYPE.into(),
        predicate: Predicate {
            format: manifest.format.clone(),
            run: manifest.run.clone(),
            tool_version: manifest.tool_version.clone(),
            public_key: crate::hash::hex(&signer.to_bytes()),
        },
    }
}

impl Signed for Statement {
    fn public_key(&self) -> &str {
        &self.predicate.public_key
    }
}

/// The bytes of `attestation.dsse.json` for `statement`.
pub(crate) fn sign(statement: &Statement, key: &SigningKey) -> Vec<u8> {
    dsse::sign(statement, key)
}

/// Reads `attestation.dsse.json` and checks its form and its signature; says what is wrong otherwise.
pub fn read(bytes: &[u8]) -> Result<Attestation, String> {
    let (statement, signer) = dsse::open::<Statement>(bytes)?;
    if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        return Err("the statement is of another type".into());
    }
    Ok(Attestation { statement, signer })
}
