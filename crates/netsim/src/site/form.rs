//! The site file as the user writes it: the type that its JSON Schema is made from. Reading goes another way,
//! through `read`, which knows the place of everything; a test holds the two together.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Answers of the simulated internet, for `detektr detonate --site FILE`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Detektr site")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct SiteFile {
    /// Version of the format.
    detektr: Version,
    /// Names; of several that fit, the first one answers.
    dns: Option<Vec<DnsForm>>,
    /// Web requests; of several rules that fit, the first one answers.
    http: Option<Vec<HttpForm>>,
    /// Connections that are refused.
    refuse: Option<Vec<RefuseForm>>,
}

/// Either `nxdomain`, or records.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct DnsForm {
    /// Which names: `*` is any text, `?` any one letter.
    name: String,
    /// The name does not exist.
    nxdomain: Option<bool>,
    /// Its addresses, IPv4 and IPv6.
    addresses: Option<Vec<String>>,
    /// Its texts.
    txt: Option<Vec<String>>,
    /// Another name that it stands for.
    cname: Option<String>,
    /// Its mail servers.
    mx: Option<Vec<String>>,
}

/// An answer has at most one of `body`, `file` and `zeros`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct HttpForm {
    /// Which hosts; all where absent.
    host: Option<String>,
    /// Which paths, without the query; all where absent.
    path: Option<String>,
    /// Which method; all where absent.
    method: Option<String>,
    /// Status; 200 where absent.
    #[schemars(range(min = 200, max = 599))]
    status: Option<u16>,
    /// Headers.
    headers: Option<BTreeMap<String, String>>,
    /// Body: a text.
    body: Option<String>,
    /// Body: a file's content. A relative path begins at the site file's folder.
    file: Option<String>,
    /// Body: so many zero bytes.
    zeros: Option<Size>,
    /// How long the answer waits.
    delay: Option<Time>,
    /// The connection is broken off in place of an answer.
    reset: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct RefuseForm {
    /// Which hosts, by name or address.
    host: String,
    /// Which port; all where absent.
    #[schemars(range(min = 1, max = 65_535))]
    port: Option<u16>,
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
