//! The signature of a result: in-toto's test-result predicate
//! (<https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>).

use super::{DOCUMENT, ResultDocument};
use crate::plan::Program;
use crate::verdict::{Outcome, Verdict};
use detektr_evidence::dsse::{Digest, STATEMENT_TYPE, Signed, Subject};
use detektr_evidence::{PublicKey, sha256_hex};
use serde::{Deserialize, Serialize};

/// Type of the predicate.
pub(crate) const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    pub(crate) statement_type: String,
    /// The result's document, then the attack.
    pub(crate) subject: Vec<Subject>,
    pub(crate) predicate_type: String,
    pub(crate) predicate: Predicate,
}

/// The predicate: its standard fields, and one of our own, which other readers pass over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Predicate {
    /// `PASSED`, `WARNED` (nothing failed, not everything holds) or `FAILED`.
    pub(crate) result: String,
    /// The files of the plan, the bundles by the digest of their manifest, and what engines put out.
    pub(crate) configuration: Vec<Subject>,
    pub(crate) passed_tests: Vec<String>,
    pub(crate) warned_tests: Vec<String>,
    pub(crate) failed_tests: Vec<String>,
    pub(crate) detektr: Own,
}

/// What the standard has no field for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Own {
    pub(crate) format: String,
    pub(crate) evaluator: String,
    /// The signing key's public half, 64 hexadecimal digits.
    pub(crate) public_key: String,
}

impl Signed for Statement {
    fn public_key(&self) -> &str {
        &self.predicate.detektr.public_key
    }
}

/// The statement about `document`, whose file is `bytes`, as signed by `signer`.
pub(crate) fn statement(document: &ResultDocument, bytes: &[u8], signer: &PublicKey) -> Statement {
    let named = |name: String, sha256: String| Subject { name, digest: Digest { sha256 } };
    let attack = match &document.plan.attack.program {
        Program::File(name) => (
            format!("attack/{name}"),
            document.plan.files.get(name).map(|file| file.sha256.clone()).unwrap_or_default(),
        ),
        Program::Command(words) => ("attack".into(), sha256_hex(words.join("\0").as_bytes())),
        Program::Builtin(name) => (format!("attack/{name}"), sha256_hex(name.as_bytes())),
    };
    let files = document.plan.files.iter().map(|(name, file)| named(name.clone(), file.sha256.clone()));
    let bundles =
        document.arms.iter().map(|arm| named(format!("run/{}", arm.run), arm.manifest_sha256.clone()));
    let engines = document
        .engines
        .iter()
        .map(|one| named(format!("engine/{}/{}", one.question, one.run), one.output.sha256.clone()));
    let of = |wanted: fn(&Verdict) -> bool| {
        document.verdicts.iter().filter(|v| wanted(v)).map(|v| v.id.clone()).collect::<Vec<_>>()
    };
    let passed = of(|v| v.verdict == Outcome::Holds && v.unexpected.is_none());
    let failed = of(|v| v.unexpected.is_some() || (v.verdict == Outcome::Fails && !v.accepted));
    let warned = of(|v| {
        v.unexpected.is_none()
            && (v.verdict == Outcome::Inconclusive || (v.verdict == Outcome::Fails && v.accepted))
    });
    Statement {
        statement_type: STATEMENT_TYPE.into(),
        subject: vec![named(DOCUMENT.into(), sha256_hex(bytes)), named(attack.0, attack.1)],
        predicate_type: PREDICATE_TYPE.into(),
        predicate: Predicate {
            result: match (failed.is_empty(), warned.is_empty()) {
                (false, _) => "FAILED",
                (true, false) => "WARNED",
                (true, true) => "PASSED",
            }
            .into(),
            configuration: files.chain(bundles).chain(engines).collect(),
            passed_tests: passed,
            warned_tests: warned,
            failed_tests: failed,
            detektr: Own {
                format: document.format.clone(),
                evaluator: document.evaluator.clone(),
                public_key: signer.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        },
    }
}
