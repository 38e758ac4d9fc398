//! The profile as its file has it: the type that the JSON Schema is made from. Reading goes another way, through
//! `read`, which knows the place of everything; a test holds the two together.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An environment for `detektr detonate --env FILE`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Detektr profile")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ProfileFile {
    /// Version of the format.
    detektr: Version,
    /// Root file system: `host`, a folder, or an image. Relative paths begin at the profile's folder.
    rootfs: Option<RootfsForm>,
    /// Whom the artifact runs as: an ordinary user (the default), or root of the environment.
    user: Option<UserForm>,
    /// Bounds.
    limits: Option<LimitsForm>,
    /// Time after which the run is ended, as `limits.wall`; only one of the two.
    timeout: Option<Time>,
    /// Environment variables; nothing is inherited.
    setenv: Option<BTreeMap<String, Word>>,
    /// Host name inside; random where absent.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9.-]*$"))]
    hostname: Option<String>,
    /// Network: a simulated internet (`sim`, the default; `sim-404`: web servers have no pages; `sim-nx`: no name exists),
    /// or a private network with nothing in it (`none`).
    network: Option<NetworkForm>,
    /// Site file: what the simulated internet answers. A relative path begins at the profile's folder.
    site: Option<String>,
    /// Whether baits are placed (the default).
    baits: Option<bool>,
    /// Who watches.
    sensor: Option<SensorForm>,
    /// Whether io_uring can be used: `auto` (the default; refused where a ring could send over AF_VSOCK), `allow`, `refuse`.
    io_uring: Option<IoUringForm>,
    /// Optional things to watch.
    observe: Option<Vec<ObserveForm>>,
    /// The trigger phases that may follow where something was installed that they start; all where absent.
    trigger: Option<Vec<TriggerForm>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum RootfsForm {
    /// The host's own, beneath a throw-away overlay.
    Host,
    /// A folder that holds a root file system.
    Dir(String),
    /// An image file: OCI layout or `docker save`.
    Image(String),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum UserForm {
    User,
    Root,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum NetworkForm {
    None,
    Sim,
    #[schemars(rename = "sim-404")]
    Sim404,
    SimNx,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum SensorForm {
    Auto,
    Ebpf,
    Ptrace,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum IoUringForm {
    Auto,
    Allow,
    Refuse,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ObserveForm {
    /// `stat`, `readlink` and `access`.
    Stat,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum TriggerForm {
    Login,
    Schedule,
    Reboot,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct LimitsForm {
    /// Wall-clock time; 60 s where absent.
    wall: Option<Time>,
    /// Processors; 2 where absent.
    #[schemars(range(min = 0.01, max = 1024))]
    cpus: Option<f64>,
    /// Memory of all processes together; 1 GiB where absent.
    memory: Option<Size>,
    /// Processes and threads; 1,024 where absent.
    #[schemars(range(min = 1, max = 4_194_304))]
    processes: Option<u64>,
    /// Size of any one file; 1 GiB where absent.
    file_size: Option<Size>,
    /// What may be written to disk in all; 1 GiB where absent.
    disk: Option<Size>,
    /// Standard output and standard error, each; 10 MiB where absent.
    output: Option<Size>,
}

struct Version;

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "const": super::VERSION})
    }
}

struct Size;

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Bytes, or a number with a unit: 64KiB, 1.5GiB; kB, MB and GB are powers of 1,000.",
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?([bB]|[kKmMgGtT]([iI]?[bB])?)?$"}
            ]
        })
    }
}

struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Seconds, or numbers with units: 500ms, 30s, 1m30s; at most 7 days.",
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 604_800},
                {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)? ?(ms|s|sec|m|min|h|d)?)+$"}
            ]
        })
    }
}

struct Word;

impl JsonSchema for Word {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}
