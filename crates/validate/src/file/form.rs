//! The validation as its file has it: the type that the JSON Schema is made from. Reading goes another way, which
//! knows the place of everything; a test holds the two together.

use detektr_detect::Shape;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A validation for `detektr validate FILE`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Detektr validation")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ValidationForm {
    /// Version of the format.
    detektr: Version,
    /// Id, part of every verdict's; the file's name without its ending where absent.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
    id: Option<String>,
    /// What it is about, in a sentence.
    title: Option<String>,
    /// What attacks: the path of a script or program, a group of keys, or a pattern.
    attack: AttackForm,
    /// What the attack is after: a condition over facts.
    goal: Option<GoalForm>,
    /// What counts as an attempt: a condition over facts; found by comparing arms where absent.
    attempt: Option<String>,
    /// Asks one detection: a rule, a folder (any of its rules), or a list (each).
    detect: Option<RulesForm>,
    /// Controls by name; without `ask`, each is asked, and the mitigation by all of them.
    controls: Option<BTreeMap<String, ControlForm>>,
    /// The benign twin: works where it exits with 0, and no rule may match on it.
    benign: Option<ProgramForm>,
    /// How often each arm runs (1).
    #[schemars(range(min = 1, max = 1000))]
    repeat: Option<u32>,
    /// The questions, in place of those that `detect` and `controls` ask by themselves.
    ask: Option<OneOrMore<QuestionForm>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AttackForm {
    /// A program.
    Program(ProgramForm),
    /// One drawn from a pattern.
    Pattern(PatternGroup),
    /// A test of Atomic Red Team.
    Atomic(AtomicGroup),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct AtomicGroup {
    /// The test: `T1053.003#2`, or its guid; read from the folder that `--atomics` names.
    atomic: String,
    /// Its arguments; those that are left out have their defaults.
    arguments: Option<BTreeMap<String, Word>>,
    /// Whom it runs as; what the test asks for where absent.
    #[schemars(rename = "as")]
    run_as: Option<UserForm>,
    /// Time after which it is ended.
    timeout: Option<Word>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PatternGroup {
    /// A pattern that ships, or a pattern's file (`.yaml`), with `#VARIANT` for one variant of it; else each of its variants
    /// is validated. Its goal and its benign twin are the validation's where that has none of its own.
    pattern: String,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ProgramForm {
    /// The path of a script or program.
    Path(String),
    /// More about it.
    Group(Box<ProgramGroup>),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ProgramGroup {
    /// The path of a script or program; this or `command`.
    script: Option<String>,
    /// A command line as a list of words; a single text is given to the shell.
    command: Option<OneOrMore<String>>,
    /// Arguments.
    args: Option<OneOrMore<String>>,
    /// Whom it runs as: root of the environment (the default, unless the goal asks for `uid_gained`) or its
    /// ordinary user.
    #[schemars(rename = "as")]
    run_as: Option<UserForm>,
    /// Environment variables.
    setenv: Option<BTreeMap<String, Word>>,
    /// Time after which it is ended.
    timeout: Option<Word>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum UserForm {
    Root,
    User,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum GoalForm {
    /// CEL over facts: `created('/etc/cron.d/upd') && ran('/tmp/x')`.
    Condition(String),
    /// With its moment.
    Group(GoalGroup),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct GoalGroup {
    /// CEL over facts.
    condition: String,
    /// Whether it must be true at any moment (the default) or at the end.
    at: Option<MomentForm>,
    /// Only what happens within this time of the attack's start counts.
    by: Option<Word>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum MomentForm {
    Ever,
    End,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RulesForm {
    /// A rule's file, or a folder of rules.
    Path(String),
    /// Each of these.
    Each(Vec<RulesForm>),
    /// Any of these.
    Any(AnyForm),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum DetectionForm {
    /// Rules.
    Rules(RulesForm),
    /// A control that watches: its alert is what fires.
    Monitor(MonitorName),
    /// A detection engine of your own.
    Engine(EngineForm),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct EngineForm {
    /// The command line, run on this host. Words that name a file beside this one are files that it gets.
    command: Vec<Word>,
    /// The shape in which it gets the events of a run.
    view: Option<Shape>,
    /// Further files that it needs, beside this one or below.
    files: Option<OneOrMore<String>>,
    /// Time after which it is ended; a minute where left out.
    timeout: Option<Word>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct MonitorName {
    /// The control's name.
    monitor: String,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct AnyForm {
    /// The question is answered by whichever of them matches.
    any: Box<RulesForm>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ControlForm {
    /// The path of a seccomp profile (JSON of OCI runtimes and Docker).
    seccomp: Option<String>,
    /// Paths that can't be written to.
    read_only: Option<OneOrMore<String>>,
    /// Paths from which nothing is executed.
    noexec: Option<OneOrMore<String>>,
    /// Paths whose setuid and setgid bits and file capabilities do nothing.
    nosuid: Option<OneOrMore<String>>,
    /// Paths hidden behind an empty read-only file or folder.
    masked: Option<OneOrMore<String>>,
    /// Capabilities: those that are left (a name, a list, or `none`), or groups of them.
    capabilities: Option<CapabilitiesForm>,
    /// Set `no_new_privs`.
    no_new_privs: Option<bool>,
    /// Run as `root`, as `user` (the ordinary one) or as `UID:GID`.
    user: Option<Word>,
    /// Tighter bounds.
    limits: Option<LimitsForm>,
    /// Landlock: rights with the paths or ports for which they are given.
    landlock: Option<LandlockForm>,
    /// The hardening of a systemd unit: its file, or a group.
    systemd: Option<SystemdForm>,
    /// The security of a container: a manifest's, or a Pod Security Standard's.
    container: Option<ContainerForm>,
    /// Kernel parameters of the environment's own namespaces, by name.
    sysctl: Option<BTreeMap<String, Word>>,
    /// What may leave over the network: one of the two.
    egress: Option<EgressForm>,
    /// A program that watches; a control of its own.
    monitor: Option<MonitorForm>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct EgressForm {
    /// The path of a ruleset as `nft -f` takes it.
    nftables: Option<String>,
    /// Names, addresses and networks, each with or without a port; all else is refused.
    allow: Option<OneOrMore<String>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct MonitorForm {
    /// `beside` the attack (the default): from before it until after it, as root of the environment; `inside`: as the
    /// attack's user and under the controls of its processes; `after` it: once, to its end.
    when: Option<WhenForm>,
    /// A command line to run before the attack, or a list of them.
    setup: Option<CommandLines>,
    /// The command line; a text is given to the shell.
    command: OneOrMore<Word>,
    /// A regular expression: it watches once a line of its output matches it.
    ready: Option<String>,
    /// What says that it saw something: any of these.
    alert: AlertForm,
    /// Text files that it needs: path inside, and file beside this one.
    files: Option<BTreeMap<String, String>>,
    /// How long it goes on after the attack, as in `2s`; until it has nothing to do where left out.
    settle: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum WhenForm {
    Beside,
    Inside,
    After,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CommandLines {
    /// One.
    One(OneOrMore<Word>),
    /// Several, in order.
    Several(Vec<Vec<Word>>),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct AlertForm {
    /// A regular expression that a line of its output matches.
    output: Option<String>,
    /// A line of a log file.
    log: Option<LogForm>,
    /// It ends by itself with one of these codes.
    exit: Option<OneOrMore<u8>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct LogForm {
    /// The file, inside.
    file: String,
    /// A regular expression.
    matches: String,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ContainerForm {
    /// `FILE` or `FILE#CONTAINER` (Kubernetes workload, compose file), or `baseline` or `restricted`.
    From(String),
    /// With what may be left out.
    Group(ContainerGroup),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ContainerGroup {
    /// As above.
    from: String,
    /// Fields that are left out where they can't be enforced; verdicts then say `partial`.
    ignore: Option<OneOrMore<String>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum SystemdForm {
    /// The path of a unit file; its drop-ins lie in `UNIT.d` beside it.
    Unit(String),
    /// With what may be left out.
    Group(SystemdGroup),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct SystemdGroup {
    /// The path of a unit file.
    unit: String,
    /// Directives that are left out where they can't be enforced; verdicts then say `partial`.
    ignore: Option<OneOrMore<String>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CapabilitiesForm {
    Left(OneOrMore<String>),
    Groups(CapabilityGroups),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct CapabilityGroups {
    /// Removed from all sets; `ALL` removes every one.
    drop: Option<OneOrMore<String>>,
    /// Kept after `drop`.
    keep: Option<OneOrMore<String>>,
    /// Raised in the ambient set.
    ambient: Option<OneOrMore<String>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct LimitsForm {
    /// Wall-clock time (`30s`).
    wall: Option<Word>,
    /// Processors.
    cpus: Option<f64>,
    /// Memory of all processes together (`512MiB`).
    memory: Option<Word>,
    /// Processes and threads.
    processes: Option<u64>,
    /// Size of any one file.
    file_size: Option<Word>,
    /// What may be written to disk in all.
    disk: Option<Word>,
    /// Standard output and standard error, each.
    output: Option<Word>,
}

/// A right that is not named is not restricted; an empty list gives it nowhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct LandlockForm {
    /// Read files and folders: `read_file`, `read_dir`.
    read: Option<SomeOf<String>>,
    /// Write, make, remove and move: `write_file`, `truncate`, `make_…`, `remove_…`, `refer`.
    write: Option<SomeOf<String>>,
    /// Execute a file.
    execute: Option<SomeOf<String>>,
    /// Open a file for writing.
    write_file: Option<SomeOf<String>>,
    /// Open a file for reading.
    read_file: Option<SomeOf<String>>,
    /// Open or list a folder.
    read_dir: Option<SomeOf<String>>,
    /// Remove an empty folder.
    remove_dir: Option<SomeOf<String>>,
    /// Remove a file.
    remove_file: Option<SomeOf<String>>,
    /// Make a character device.
    make_char: Option<SomeOf<String>>,
    /// Make a folder.
    make_dir: Option<SomeOf<String>>,
    /// Make a file.
    make_reg: Option<SomeOf<String>>,
    /// Make a unix socket.
    make_sock: Option<SomeOf<String>>,
    /// Make a named pipe.
    make_fifo: Option<SomeOf<String>>,
    /// Make a block device.
    make_block: Option<SomeOf<String>>,
    /// Make a symbolic link.
    make_sym: Option<SomeOf<String>>,
    /// Link or move a file from one folder to another (ABI 2).
    refer: Option<SomeOf<String>>,
    /// Cut a file (ABI 3).
    truncate: Option<SomeOf<String>>,
    /// Use `ioctl` on a device (ABI 5).
    ioctl_dev: Option<SomeOf<String>>,
    /// TCP ports that may be bound (ABI 4).
    bind_tcp: Option<SomeOf<u16>>,
    /// TCP ports that may be connected to (ABI 4).
    connect_tcp: Option<SomeOf<u16>>,
    /// What is out of reach outside (ABI 6).
    scope: Option<OneOrMore<ScopeForm>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum SomeOf<T> {
    One(T),
    Any(Vec<T>),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ScopeForm {
    AbstractUnixSocket,
    Signal,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct QuestionForm {
    /// Did this control trigger? One of `control`, `detection` and `mitigation`.
    control: Option<String>,
    /// Did this detection fire?
    detection: Option<DetectionForm>,
    /// Did all controls together stop the attack and leave the twin working?
    mitigation: Option<AllForm>,
    /// In which arm a detection is asked: with no control (the default) or with all.
    #[schemars(rename = "in")]
    arm: Option<InForm>,
    /// On what a detection is asked: the goal (the default in the baseline) or the attempt (the default in the
    /// treatment).
    on: Option<OnForm>,
    /// The answer that is expected.
    expect: Option<ExpectForm>,
    /// Why `fails` is accepted.
    because: Option<String>,
    /// Until which day it is accepted (YYYY-MM-DD).
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    until: Option<String>,
    /// Severity; a rule's own level where absent.
    severity: Option<LevelForm>,
    /// Id of the question, where the one that follows from it will not do.
    id: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum AllForm {
    All,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum InForm {
    Baseline,
    Treatment,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum OnForm {
    Goal,
    Attempt,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ExpectForm {
    Holds,
    Fails,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum LevelForm {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

/// The number 1.
pub(crate) struct Version;

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": 1})
    }
}

/// A text or a number.
struct Word;

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ask, atomic, controls, drawn, engine, program, read};
    use super::ValidationForm;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// The names of the properties of what `pointer` leads to.
    fn properties(schema: &Value, pointer: &str) -> BTreeSet<String> {
        let object = schema.pointer(pointer).and_then(Value::as_object);
        object.unwrap_or_else(|| panic!("no {pointer} in the schema")).keys().cloned().collect()
    }

    #[test]
    fn the_schema_and_the_reader_know_the_same_keys() {
        let schema = schemars::schema_for!(ValidationForm).to_value();
        for (pointer, keys) in [
            ("/properties", read::KEYS),
            ("/$defs/ProgramGroup/properties", program::KEYS),
            ("/$defs/PatternGroup/properties", drawn::KEYS),
            ("/$defs/AtomicGroup/properties", atomic::KEYS),
            ("/$defs/QuestionForm/properties", ask::KEYS),
            ("/$defs/EngineForm/properties", engine::KEYS),
            ("/$defs/ControlForm/properties", controls::KEYS),
            ("/$defs/MonitorForm/properties", controls::monitor::KEYS),
            ("/$defs/AlertForm/properties", controls::monitor::ALERT),
            ("/$defs/LogForm/properties", controls::monitor::LOG),
            ("/$defs/SystemdGroup/properties", controls::systemd::KEYS),
            ("/$defs/EgressForm/properties", controls::egress::KEYS),
            ("/$defs/ContainerGroup/properties", controls::container::KEYS),
        ] {
            let keys: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(properties(&schema, pointer), keys, "{pointer}");
        }
        let keys: BTreeSet<String> = controls::landlock::keys().into_iter().map(String::from).collect();
        assert_eq!(properties(&schema, "/$defs/LandlockForm/properties"), keys);
    }
}
