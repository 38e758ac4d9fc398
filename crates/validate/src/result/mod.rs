//! The result of a validation: a signed folder that names bundles, rules and files by digest, so that anyone can
//! judge it again.
//!
//! ```text
//! result.json             plan, arms (run and digest of its manifest), verdicts
//! inputs/<sha256>         every file of the plan
//! engines/<sha256>        what the engines of the plan put out
//! runs/<run>/             the bundles, where the result was asked to carry them along
//! attestation.dsse.json   DSSE envelope, in-toto Statement v1 with the test-result predicate
//! ```

mod attest;
mod sealed;
mod write;

pub use sealed::{Problem, SealedResult};
pub use write::write;

use crate::engine::Reply;
use crate::judge::Part;
use crate::plan::{Arm, Plan};
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format that this version writes and reads.
pub const FORMAT: &str = "detektr.result/1";

/// The files of a plan: content by the names of [`Plan::files`].
pub type Inputs = BTreeMap<String, Vec<u8>>;

/// What `result.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultDocument {
    /// `detektr.result/1`.
    pub format: String,
    /// Id of the result.
    pub id: String,
    /// Version of the program that judged; another one may judge otherwise, and refuses.
    pub evaluator: String,
    /// The day of the judgement (YYYY-MM-DD), by which accepted gaps expire.
    pub today: String,
    /// What was to be done and asked.
    pub plan: Plan,
    /// What was done, in the order of the plan. An arm that is missing was not run.
    pub arms: Vec<ArmRun>,
    /// What the engines of the plan answered about the arms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<Reply>,
    /// The answers, in the order of the questions.
    pub verdicts: Vec<Verdict>,
    /// The part that each control plays, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ablation: Vec<Part>,
}

/// One arm that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmRun {
    /// The arm.
    pub arm: Arm,
    /// The run.
    pub run: String,
    /// Digest of the bundle's `manifest.json`, and with it of every file of the bundle.
    pub manifest_sha256: String,
    /// It was run for another validation, or earlier, and used again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// Runs of this arm that were made before it and could not be used, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
}

/// Name of the document within the folder.
pub(crate) const DOCUMENT: &str = "result.json";
/// Name of the signature within the folder.
pub(crate) const ATTESTATION: &str = "attestation.dsse.json";
/// Name of the folder with the plan's files.
pub(crate) const INPUTS: &str = "inputs";
/// Name of the folder with what engines put out.
pub(crate) const ENGINES: &str = "engines";
/// Name of the folder with the bundles.
pub(crate) const RUNS: &str = "runs";

/// The id of a result: the same plan, arms, engines' answers and day give the same.
pub fn id(plan: &Plan, arms: &[ArmRun], engines: &[Reply], today: &str) -> String {
    let all = match engines {
        [] => serde_json::json!([plan, arms, today]),
        _ => serde_json::json!([plan, arms, engines, today]),
    };
    let digest = detektr_evidence::sha256_hex(all.to_string().as_bytes());
    format!("{}-{}", file_name(&plan.name()), &digest[..12])
}

/// A validation's id as (part of) a file name.
fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    id.trim_start_matches('.').chars().map(plain).take(80).collect()
}
