//! The plan of a validation: every choice is made, nothing has run. `--plan` prints it, results embed it.

use crate::engine::Engine;
use crate::goal::{Condition, FactName};
use detektr_detonate::{NetworkMode, TRIGGERS, site::Site};
use detektr_event::Phase;
use detektr_evidence::{Manifest, sha256_hex};
use detektr_sandbox::controls::Control;
use detektr_sandbox::{IoUring, Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "detektr.plan/1";

/// The variant of an attack that has one only.
pub const DEFAULT: &str = "default";

fn default_variant() -> String {
    DEFAULT.to_owned()
}

fn is_default(variant: &str) -> bool {
    variant == DEFAULT
}

/// All that a validation will do and ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// `detektr.plan/1`.
    pub format: String,
    /// Stable id: `id:` of the file, else its name without the ending.
    pub validation: String,
    /// The variant of the attack; `default` where there is one only.
    #[serde(default = "default_variant", skip_serializing_if = "is_default")]
    pub variant: String,
    /// The file's own words about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where all arms run.
    pub surroundings: Surroundings,
    /// What attacks.
    pub attack: Attack,
    /// What must go on working, and must not be reported.
    pub benign: Benign,
    /// Ordinary programs, which no detection may fire on; where one is asked and no twin was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinary: Option<Attack>,
    /// What the attack is after; absent where only detections are asked (`executed` stands in for it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// CEL over facts: what counts as an attempt, where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// Controls in the order of the file.
    pub controls: Vec<Control>,
    /// The arms, each repeat with its own; all arms of one repeat share a seed.
    pub arms: Vec<Arm>,
    /// Each control is asked for its part: alone, and left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ablate: bool,
    /// Trigger phases that follow in every arm, whatever is asked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub triggers: BTreeSet<Phase>,
    /// The questions.
    pub questions: Vec<Question>,
    /// Every file that was read (validation file, scripts, rules, seccomp profiles), by its path as written,
    /// slashes forward, relative to the validation file's folder.
    pub files: BTreeMap<String, Digest>,
}

impl Plan {
    /// The validation's id, with the variant of the attack where there are several: `cron#crontab-file`.
    pub fn name(&self) -> String {
        if is_default(&self.variant) {
            return self.validation.clone();
        }
        format!("{}#{}", self.validation, self.variant)
    }

    /// The arm that plays `role`: of one control, all but it is none, and it alone is all; of two, all but one is the
    /// other alone.
    pub fn arm_for(&self, role: &Role) -> Role {
        match (role, self.controls.as_slice()) {
            (Role::Without(_), [_]) => Role::Baseline,
            (Role::Only(_), [_]) => Role::Treatment,
            (Role::Without(name), [one, other]) => {
                Role::Only(if one.name == *name { other.name.clone() } else { one.name.clone() })
            }
            (other, _) => other.clone(),
        }
    }

    /// The program that runs in the arm of `role`.
    pub fn program(&self, role: &Role) -> &Attack {
        match (role, &self.ordinary) {
            (Role::Ordinary, Some(programs)) => programs,
            (Role::Benign | Role::BenignBaseline | Role::Ordinary, _) => &self.benign.program,
            _ => &self.attack,
        }
    }

    /// Whether the controls of `role`, and no others, were in force in the run of `manifest`.
    pub fn has_controls_of(&self, role: &Role, manifest: &Manifest) -> bool {
        let mut wanted: Vec<(&str, String)> = self
            .controls
            .iter()
            .filter(|control| role.has(&control.name))
            .map(|control| (control.name.as_str(), control.sha256()))
            .collect();
        let mut had: Vec<(&str, String)> =
            manifest.controls.iter().map(|c| (c.name.as_str(), c.sha256.clone())).collect();
        wanted.sort();
        had.sort();
        wanted == had
    }

    /// The control of this name, where it watches.
    pub fn watcher(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name && control.monitor().is_some())
    }

    /// The trigger phases that follow in every arm: all where it is asked what persists.
    pub fn phases(&self) -> BTreeSet<Phase> {
        let goal = self.goal.as_ref().map(|goal| goal.condition.as_str());
        let asked = |text: &str| Condition::parse(text).is_ok_and(|all| all.asks_for(FactName::Persists));
        let persists = goal.into_iter().chain(self.attempt.as_deref()).any(asked);
        if persists { TRIGGERS.into() } else { self.triggers.clone() }
    }
}

/// Where all arms run; the controls come on top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Root file system.
    pub rootfs: Rootfs,
    /// Who watches: one sensor for all arms, chosen beforehand.
    pub sensor: Sensor,
    /// Bounds.
    pub limits: Limits,
    /// Host name inside; by the seed where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Environment variables for every arm, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setenv: Vec<(String, String)>,
    /// The simulated internet; without one there is but loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internet: Option<InternetPlan>,
    /// Whether baits are placed.
    pub baits: bool,
    /// Whether programs can use io_uring.
    #[serde(default, skip_serializing_if = "IoUring::is_auto")]
    pub io_uring: IoUring,
}

/// The simulated internet of the arms: the same for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternetPlan {
    /// How it answers.
    pub mode: NetworkMode,
    /// What certain names, hosts and paths answer.
    pub site: Site,
}

impl Surroundings {
    /// The host's own root file system, the default bounds, a simulated internet, baits, and `sensor`.
    pub fn new(sensor: Sensor) -> Self {
        Surroundings {
            rootfs: Rootfs::Host,
            sensor,
            limits: Limits::default(),
            hostname: None,
            setenv: Vec::new(),
            internet: Some(InternetPlan::default()),
            baits: true,
            io_uring: IoUring::Auto,
        }
    }
}

/// The root file system of the arms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rootfs {
    /// The host's own, beneath a throw-away overlay.
    Host,
    /// A folder with a root file system.
    Dir(PathBuf),
    /// An image file: OCI layout or `docker save`.
    Image(PathBuf),
}

/// The sensor of the arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensor {
    /// BPF programs.
    Ebpf,
    /// The ptrace tracer.
    Ptrace,
}

/// A file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Digest {
    /// Of `content`.
    pub fn of(content: &[u8]) -> Digest {
        Digest { sha256: sha256_hex(content), size: content.len() as u64 }
    }
}

/// The seed that follows from `text`.
pub(crate) fn seed_of(text: &str) -> u64 {
    u64::from_str_radix(&sha256_hex(text.as_bytes())[..16], 16).unwrap_or_default()
}

/// A program to detonate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A file of the plan (`Plan::files`); it is placed under a neutral name.
    File(String),
    /// A command line.
    Command(Vec<String>),
    /// A script that Detektr brings along, by name (`smoke`).
    Builtin(String),
}

/// The attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// What runs.
    pub program: Program,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Runs as root of the environment; else as its ordinary user.
    pub root: bool,
    /// Environment variables beside those that Detektr makes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub setenv: BTreeMap<String, String>,
    /// Wall-clock bound in milliseconds; the environment's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What has to be brought about before it runs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<Step>,
    /// Files of the plan (`Plan::files`) that lie in the environment beforehand, by their path inside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl Attack {
    /// `program` with nothing beside it.
    pub fn of(program: Program, root: bool) -> Attack {
        Attack {
            program,
            args: Vec::new(),
            root,
            setenv: BTreeMap::new(),
            timeout_ms: None,
            setup: Vec::new(),
            files: BTreeMap::new(),
        }
    }
}

/// Something that has to be brought about before an attack runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What, for people.
    pub what: String,
    /// The command line that brings it about, and ends with code 0 where it is there.
    pub command: Vec<String>,
}

/// The benign twin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Benign {
    /// What runs: works where it exits with 0.
    #[serde(flatten)]
    pub program: Attack,
    /// No twin was given: Detektr's own stands in, and the verdicts say so.
    pub builtin: bool,
}

/// The attack's goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// CEL over named facts.
    pub condition: String,
    /// When it must be true.
    pub moment: Moment,
    /// Only what happens within this time of the start of the attack counts, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_ms: Option<u64>,
}

/// When a goal must be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// At any moment.
    Ever,
    /// When the run has ended.
    End,
}

/// One detonation to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Which part it plays.
    pub role: Role,
    /// Which repeat, from 0.
    pub repeat: u32,
    /// The seed that all arms of the repeat share.
    pub seed: u64,
}

/// The part that an arm plays. Text form: `baseline`, `treatment`, `benign`, `benign-baseline`, `without:NAME`,
/// `only:NAME`, `ordinary`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The attack with no control.
    Baseline,
    /// The attack with all controls.
    Treatment,
    /// The twin with all controls.
    Benign,
    /// The twin with no control.
    BenignBaseline,
    /// The attack with all controls but one.
    Without(String),
    /// The attack with one control.
    Only(String),
    /// Ordinary programs, with no control; one arm for all repeats, and the same for all validations.
    Ordinary,
}

impl Role {
    /// Whether the control named `control` is in force.
    pub fn has(&self, control: &str) -> bool {
        match self {
            Role::Baseline | Role::BenignBaseline | Role::Ordinary => false,
            Role::Treatment | Role::Benign => true,
            Role::Without(name) => name != control,
            Role::Only(name) => name == control,
        }
    }

    /// Whether something harmless runs instead of the attack.
    pub fn is_benign(&self) -> bool {
        matches!(self, Role::Benign | Role::BenignBaseline | Role::Ordinary)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Baseline => f.write_str("baseline"),
            Role::Treatment => f.write_str("treatment"),
            Role::Benign => f.write_str("benign"),
            Role::BenignBaseline => f.write_str("benign-baseline"),
            Role::Without(name) => write!(f, "without:{name}"),
            Role::Only(name) => write!(f, "only:{name}"),
            Role::Ordinary => f.write_str("ordinary"),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        match text.split_once(':') {
            Some(("without", name)) => Ok(Role::Without(name.into())),
            Some(("only", name)) => Ok(Role::Only(name.into())),
            _ => match text {
                "baseline" => Ok(Role::Baseline),
                "treatment" => Ok(Role::Treatment),
                "benign" => Ok(Role::Benign),
                "benign-baseline" => Ok(Role::BenignBaseline),
                "ordinary" => Ok(Role::Ordinary),
                _ => Err(format!("`{text}` is no arm")),
            },
        }
    }
}

impl Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Role {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(baseline|treatment|benign|benign-baseline|ordinary|(without|only):.+)$"
        })
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Stable id within the validation, never a position: `control:tmp`, `detection:lnx_cron`, `mitigation`.
    pub id: String,
    /// What is asked.
    #[serde(flatten)]
    pub kind: QuestionKind,
    /// The answer that is expected; anything else is reported as what it is.
    pub expect: Expect,
    /// Why `fails` is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Until which day (YYYY-MM-DD) it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// `informational`, `low`, `medium`, `high`, `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// What a question asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionKind {
    /// Did this control trigger?
    Control {
        /// Its name.
        control: String,
    },
    /// Did this detection fire?
    Detection {
        /// The rules.
        rules: Rules,
        /// In which arm: baseline or treatment.
        #[serde(rename = "in")]
        arm: In,
        /// On what truth.
        on: On,
    },
    /// Did the controls together stop the attack and leave the twin working?
    Mitigation {},
}

/// Rules of a detection question: it fires where any of them matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Files of the plan, in order. Correlations and filters among them refer to each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// In place of rules a control of the plan that watches: its alert is what fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// In place of rules a detection engine of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Engine>,
}

impl Rules {
    /// Sigma rules in these files.
    pub fn sigma(files: Vec<String>) -> Rules {
        Rules { files, monitor: None, command: None }
    }
}

/// The arm in which a detection is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum In {
    /// With no control.
    Baseline,
    /// With all controls.
    Treatment,
}

/// The truth that a detection is asked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The goal; `executed` where the plan has none.
    Goal,
    /// The attempt.
    Attempt,
}

/// The answer that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// The security holds.
    Holds,
    /// An accepted gap.
    Fails,
}
