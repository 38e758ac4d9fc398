//! Whether the evidence is whole, where it was made, and who signed it.

use detektr_evidence::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What speaks for and against the completeness of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What became of every record, by kind.
    pub ledger: Vec<LedgerLine>,
    /// The sensor's end mark arrived.
    pub sentinel: bool,
    /// The comparison of the file system, in a sentence; absent where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsdiff: Option<String>,
    /// The kernel's process accounting, in a sentence; absent where it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<String>,
    /// The packets that passed the environment's network device, in a sentence; absent where none were watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<String>,
    /// What one account tells and the other can't explain.
    pub unexplained: Vec<Unexplained>,
    /// Name, size and hash of the bundle's files, contents of changed files left out.
    pub files: Vec<BundleFile>,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the columns are those of the bundle's ledger")]
pub struct LedgerLine {
    pub kind: String,
    pub attempted: u64,
    pub emitted: u64,
    pub dropped: u64,
    pub received: u64,
    pub written: u64,
    /// Whether nothing went astray unnoticed.
    pub balances: bool,
}

/// What one account tells and the other can't explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unexplained {
    /// Whose word stands alone.
    pub side: Side,
    /// What it is about.
    pub detail: String,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Hash of its content.
    pub sha256: String,
}

/// Where it ran and how it was watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// As the sandbox describes it: names and values.
    pub facts: Vec<Fact>,
    /// The sensor.
    pub sensor: String,
    /// What the sensor declares that it can't see or do.
    pub limitations: Vec<String>,
    /// What is less than the whole, one sentence each.
    pub gaps: Vec<String>,
    /// Controls that were put on it.
    pub controls: Vec<Control>,
    /// The seed of its names and baits.
    pub seed: String,
}

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A control that was put on the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its name.
    pub name: String,
    /// What was done, one sentence each.
    pub applied: Vec<String>,
}

/// Who signed the evidence. The bundle was verified before the report was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Id of the key. Whose key it is, the reader decides.
    pub signer: String,
    /// SHA-256 of the manifest, which the signature covers.
    pub manifest_sha256: String,
}
