//! The matrix as a document.

use crate::plan::Sensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The format that this version writes.
pub const FORMAT: &str = "detektr.matrix/1";

/// The reason of what is open where what the rules say of an execution has a hole.
pub(super) const INCOMPLETE: &str = "incomplete";

/// What the executions say of every rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// `detektr.matrix/1`.
    pub format: String,
    /// Version of Detektr.
    pub detektr: String,
    /// Who watched.
    #[schemars(with = "String")]
    pub sensor: Sensor,
    /// The user ended it before everything was executed.
    pub interrupted: bool,
    /// Counts.
    pub totals: Totals,
    /// Every rule that could be asked, in the order of status and title.
    pub rules: Vec<RuleRow>,
    /// Every variant, by name.
    pub variants: Vec<VariantRow>,
    /// Every twin, by the name of its family.
    pub twins: Vec<Twin>,
    /// Files of rules that could not be used.
    pub not_loaded: Vec<NotLoaded>,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are those of the states that are counted")]
pub struct Totals {
    pub rules: usize,
    pub proven: usize,
    pub partly: usize,
    pub missed: usize,
    pub harness_only: usize,
    pub needs_telemetry: usize,
    pub inconclusive: usize,
    pub never_exercised: usize,
    /// Rules that fire on a twin, whatever else they are.
    pub false_positive: usize,
    pub not_loaded: usize,
    pub variants: usize,
    /// Variants that did what they are there for, with whole evidence.
    pub variants_ready: usize,
    /// Of these, how many any rule of their technique finds.
    pub variants_found: usize,
    pub variants_inconclusive: usize,
    pub variants_not_run: usize,
    pub twins: usize,
    /// Detonations that were made now; the others were made before.
    pub detonated: usize,
}

/// What is known of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It matched variants of its technique, and missed none.
    Proven,
    /// It matched some, and missed others.
    Partly,
    /// It missed all that could be judged.
    Missed,
    /// It matched only what Detektr itself chose: the start or the name of the attack's file.
    HarnessOnly,
    /// It turns on what no run can tell.
    NeedsTelemetry,
    /// There are variants of its technique, and none could be judged.
    Inconclusive,
    /// There is no variant of its technique, or it is tagged with none.
    NeverExercised,
}

impl Status {
    /// Each, in the order in which they are told.
    pub const ALL: [Status; 7] = [
        Status::Proven,
        Status::Partly,
        Status::Missed,
        Status::HarnessOnly,
        Status::NeedsTelemetry,
        Status::Inconclusive,
        Status::NeverExercised,
    ];

    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Proven => "proven",
            Status::Partly => "partly",
            Status::Missed => "missed",
            Status::HarnessOnly => "harness_only",
            Status::NeedsTelemetry => "needs_telemetry",
            Status::Inconclusive => "inconclusive",
            Status::NeverExercised => "never_exercised",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// Its level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The techniques that it is tagged with.
    pub techniques: Vec<String>,
    /// What is known of it.
    pub status: Status,
    /// Why, in a sentence.
    pub sentence: String,
    /// Variants of its technique that it matched.
    pub proven: Vec<Hit>,
    /// Variants of its very technique that it missed.
    pub missed: Vec<Miss>,
    /// Variants of its technique for which nothing follows.
    pub open: Vec<Open>,
    /// Variants of a technique above or below its own that it did not match: it may be about another part.
    pub silent: Vec<String>,
    /// Variants of other techniques that it matched.
    pub elsewhere: Vec<Hit>,
    /// Twins that it matched.
    pub false_positives: Vec<Hit>,
    /// The telemetry that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<String>,
}

/// A match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The variant, or the twin.
    pub variant: String,
    /// Its run.
    pub run: String,
    /// The events.
    pub events: Vec<u64>,
    /// The fields that matched: name and value.
    pub fields: Vec<(String, String)>,
}

/// A variant that was missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Miss {
    /// The variant.
    pub variant: String,
    /// Its run.
    pub run: String,
    /// Why, in a sentence.
    pub sentence: String,
    /// The event that came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// What of the rule that event does not meet: the least that would have to be otherwise.
    pub conditions: Vec<Condition>,
    /// The proven variant that differs least, where the rule is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
}

/// A condition that one execution meets and another does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Condition {
    /// The rule's selection.
    pub selection: String,
    /// The field.
    pub field: String,
    /// What the rule looks for.
    pub wanted: String,
    /// The value in the execution that was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here: Option<String>,
    /// The value in the execution that proves the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub there: Option<String>,
    /// The rule excludes what it looks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
}

/// The proven execution to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contrast {
    /// The proven variant.
    pub variant: String,
    /// Its run: `detektr diff RUN RUN` tells all that differs.
    pub run: String,
    /// The events that matched there.
    pub events: Vec<u64>,
    /// Operations, as `diff` aligns them, that only the proven one made.
    pub only_there: usize,
    /// Operations that only the missed one made.
    pub only_here: usize,
}

/// A variant of a rule's technique for which nothing follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// The variant.
    pub variant: String,
    /// `harness_only`, `needs_telemetry`, `incomplete`, or the variant's own state.
    pub reason: String,
    /// Why, in a sentence.
    pub sentence: String,
}

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It did what it is there for, and its evidence is whole.
    Ready,
    /// It did not, or that can't be told: it proves and misses nothing.
    Inconclusive,
    /// It needs what is not here.
    NotRunnable,
    /// It was not executed.
    NotRun,
}

impl State {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Inconclusive => "inconclusive",
            State::NotRunnable => "not_runnable",
            State::NotRun => "not_run",
        }
    }
}

/// One variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantRow {
    /// Its name.
    pub id: String,
    /// Its technique.
    pub technique: String,
    /// The tactic's tag, where its source names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tactic: Option<String>,
    /// What became of it.
    pub state: State,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The events that show its goal.
    pub goal: Vec<u64>,
    /// It was executed before.
    pub reused: bool,
    /// Titles of the rules of its technique that found it.
    pub found_by: Vec<String>,
}

/// One twin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Twin {
    /// The family whose twin it is.
    pub id: String,
    /// What became of it: where it is not ready, the rules' silence on it says nothing.
    pub state: State,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// It was executed before.
    pub reused: bool,
    /// Titles of the rules that fire on it.
    pub fired: Vec<String>,
}

/// A file of rules that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotLoaded {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Matrix {
    /// A rule missed everything, or fires on what is harmless.
    pub fn fails(&self) -> bool {
        self.rules.iter().any(|rule| rule.status == Status::Missed || !rule.false_positives.is_empty())
    }

    /// Something could not be told: an execution, a file of rules, a rule that was to be answered, or all of them.
    pub fn is_open(&self) -> bool {
        let unsure = |rule: &RuleRow| matches!(rule.status, Status::HarnessOnly | Status::Inconclusive);
        let answered =
            |rule: &RuleRow| matches!(rule.status, Status::Proven | Status::Partly | Status::Missed);
        let holes = |rule: &RuleRow| rule.open.iter().any(|open| open.reason == INCOMPLETE);
        self.interrupted
            || !self.not_loaded.is_empty()
            || self.variants.iter().any(|variant| variant.state != State::Ready)
            || self.twins.iter().any(|twin| twin.state != State::Ready)
            || self.rules.iter().any(unsure)
            || self.rules.iter().any(holes)
            || !self.rules.iter().any(answered)
    }
}
