//! Controls by name, each with its measures.

pub(super) mod container;
pub(super) mod egress;
pub(super) mod landlock;
pub(super) mod monitor;
pub(super) mod systemd;

use super::inputs::Reader;
use super::program::{words, words_at};
use detektr_sandbox::controls::{Capabilities, Control, Measure, User, capabilities, seccomp};
use detektr_sandbox::profile::{ProfileLimits, read_limits};
use detektr_yaml::{Key, Node, Problem, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &[
    "seccomp",
    "read_only",
    "noexec",
    "nosuid",
    "masked",
    "capabilities",
    "no_new_privs",
    "user",
    "limits",
    "landlock",
    "systemd",
    "container",
    "sysctl",
    "egress",
    "monitor",
];

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Control> {
    let mut controls = Vec::new();
    for (key, value) in reader.map(node, "`controls`").unwrap_or_default() {
        if !name_fits(&key.text) {
            let what = format!("`{}` can't be a control's name", key.text);
            let help = "use letters, digits, `-`, `_` and `.`; `detektr` and `all` are taken";
            reader.problems.push(Problem::new(key.span.clone(), "value", what).help(help));
        }
        controls.push(control(reader, value, key));
    }
    controls
}

fn name_fits(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(good) && name != "detektr" && name != "all"
}

fn control(reader: &mut Reader<'_>, node: &Node, name: &Key) -> Control {
    let mut control = Control::new(name.text.clone(), Vec::new());
    let entries = reader.map(node, &format!("the control `{}`", name.text)).unwrap_or_default();
    for (key, value) in entries {
        let measure = match key.text.as_str() {
            "seccomp" => profile(reader, value).map(Measure::Seccomp),
            "read_only" => Some(Measure::ReadOnly(paths(reader, value, &key.text))),
            "noexec" => Some(Measure::Noexec(paths(reader, value, &key.text))),
            "nosuid" => Some(Measure::Nosuid(paths(reader, value, &key.text))),
            "masked" => Some(Measure::Masked(paths(reader, value, &key.text))),
            "capabilities" => capability_sets(reader, value).map(Measure::Capabilities),
            "no_new_privs" => match reader.truth(value, "no_new_privs") {
                Some(false) => {
                    reader.problem(value, "value", "`no_new_privs: false` does nothing", "leave it out");
                    None
                }
                other => other.map(|_| Measure::NoNewPrivs),
            },
            "user" => user(reader, value).map(Measure::User),
            "monitor" => monitor::read(reader, value).map(Measure::Monitor),
            "landlock" => landlock::read(reader, value).map(Measure::Landlock),
            "egress" => egress::read(reader, value).map(Measure::Egress),
            "sysctl" => parameters(reader, value).map(Measure::Sysctl),
            "systemd" | "container" => {
                let translate = if key.text == "systemd" { systemd::read } else { container::read };
                if let Some(translation) = translate(reader, value) {
                    control.measures.extend(translation.measures);
                    control.told.extend(translation.told);
                }
                None
            }
            "limits" => {
                let limits = read_limits(reader, value);
                (limits != ProfileLimits::default()).then_some(Measure::Limits(limits))
            }
            _ => {
                reader.unknown(key, &format!("the control `{}`", name.text), KEYS);
                None
            }
        };
        control.measures.extend(measure);
    }
    if control.monitor().is_some() && entries.len() > 1 {
        let what = format!("the control `{}` watches and does something else as well", name.text);
        reader.problem(node, "conflict", what, "give the monitor a control of its own");
    }
    if entries.is_empty() && matches!(node.value, Value::Map(_)) {
        let what = format!("the control `{}` does nothing", name.text);
        reader.problem(node, "value", what, "give it a measure, as in `read_only: /etc`");
    }
    control
}

fn paths(reader: &mut Reader<'_>, node: &Node, name: &str) -> Vec<PathBuf> {
    let texts = words_at(reader, node, name);
    for (text, at) in &texts {
        if !text.starts_with('/') {
            let what = format!("the path `{text}` is relative");
            reader.problem(at, "value", what, "write it from the environment's root, as in `/etc`");
        }
    }
    texts.into_iter().map(|(text, _)| text.into()).collect()
}

/// A seccomp profile: the path of a JSON file.
fn profile(reader: &mut Reader<'_>, node: &Node) -> Option<serde_json::Value> {
    let file = reader.file(node, "seccomp")?;
    let content = reader.inputs.get(&file).cloned().unwrap_or_default();
    let json: serde_json::Value = match serde_json::from_slice(&content) {
        Ok(json) => json,
        Err(e) => {
            let what = format!("`{file}` is no JSON: {e}");
            reader.problem(node, "seccomp", what, "name a profile as Docker's --security-opt takes it");
            return None;
        }
    };
    match seccomp::Profile::parse(&json) {
        Ok(_) => Some(json),
        Err(problems) => {
            for problem in problems {
                let what = format!("in `{file}`, {problem}");
                reader.problem(node, "seccomp", what, problem.remedy.clone());
            }
            None
        }
    }
}

fn capability_sets(reader: &mut Reader<'_>, node: &Node) -> Option<Capabilities> {
    let mut sets = Capabilities::default();
    match &node.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let names = words(reader, value, &key.text);
                match key.text.as_str() {
                    "drop" => sets.drop = names,
                    "keep" => sets.keep = names,
                    "ambient" => sets.ambient = names,
                    _ => reader.unknown(key, "`capabilities`", &["drop", "keep", "ambient"]),
                }
            }
        }
        // one word or a list: just these are left
        _ => {
            sets.keep = words(reader, node, "capabilities");
            sets.drop = vec!["ALL".into()];
            sets.keep.retain(|name| name != "none");
        }
    }
    if let Err(what) = capabilities::sets(&sets) {
        reader.problem(node, "capability", what, "write the names of capabilities(7), as in `CAP_NET_RAW`");
        return None;
    }
    Some(sets)
}

fn user(reader: &mut Reader<'_>, node: &Node) -> Option<User> {
    let text = reader.scalar(node, "user", "`root`, `user` or ids")?;
    let ids = text.split_once(':').unwrap_or((&text, &text));
    match (text.as_str(), ids.0.parse(), ids.1.parse()) {
        ("root", ..) => Some(User::Root),
        ("user", ..) => Some(User::User),
        (_, Ok(uid), Ok(gid)) => Some(User::Ids { uid, gid }),
        _ => {
            let what = format!("`{text}` is no user");
            reader.problem(node, "value", what, "write `root`, `user` (the ordinary one) or `UID:GID`");
            None
        }
    }
}

/// Kernel parameters by name.
fn parameters(reader: &mut Reader<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let entries = reader.map(node, "`sysctl`")?;
    if entries.is_empty() {
        let help = "name a parameter, as in `sysctl: {net.ipv4.ip_forward: 0}`";
        reader.problem(node, "value", "no kernel parameter is set", help);
        return None;
    }
    let mut values = BTreeMap::new();
    for (key, value) in entries {
        values.insert(key.text.clone(), reader.scalar(value, &key.text, "a value")?);
    }
    Some(values)
}
