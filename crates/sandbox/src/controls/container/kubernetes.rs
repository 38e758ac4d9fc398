//! A Kubernetes workload: its pod's and its container's `securityContext`, the latter before the former.

use super::manifest::{Manifest, entries, get, items, text};
use super::settings::{Seccomp, Settings};
use detektr_yaml::{Key, Node, suggestion};

/// Where the pod's specification lies, by kind.
const KINDS: [(&str, &[&str]); 8] = [
    ("Pod", &["spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("ReplicationController", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

const FIELDS: [&str; 19] = [
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "fsGroup",
    "fsGroupChangePolicy",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
    "windowsOptions",
    "hostUsers",
];

const LABELS: &str = "this version puts no security module's labels on";

/// The settings of one container of the documents.
pub(super) fn settings(
    manifest: &mut Manifest<'_>,
    documents: &[Node],
    container: Option<&str>,
) -> Option<Settings> {
    let (pod, own) = choose(manifest, documents, container)?;
    let mut settings = Settings::default();
    for (key, value) in entries(pod) {
        let on = text(value) == Some("true");
        if matches!(key.text.as_str(), "hostNetwork" | "hostPID" | "hostIPC") && on {
            let why = "the environment has namespaces of its own";
            if manifest.leaves_out(key, why) {
                settings.ignored(&key.text, "true");
            }
        }
    }
    // what the container says comes after what the pod says, and holds
    for context in [get(pod, "securityContext"), get(own, "securityContext")].into_iter().flatten() {
        for (key, value) in entries(context) {
            field(manifest, &mut settings, key, value);
        }
    }
    for mount in items(get(own, "volumeMounts")) {
        let writable = get(mount, "readOnly").and_then(text) != Some("true");
        if let Some(path) = get(mount, "mountPath").and_then(text) {
            settings.volumes.push((path.trim_end_matches('/').into(), writable));
        }
    }
    Some(settings)
}

/// The pod and the container that are meant.
fn choose<'n>(
    manifest: &mut Manifest<'_>,
    documents: &'n [Node],
    container: Option<&str>,
) -> Option<(&'n Node, &'n Node)> {
    let mut found: Vec<(&Node, &Node, &str)> = Vec::new();
    for document in documents {
        let kind = get(document, "kind").and_then(text);
        let Some((_, way)) = KINDS.iter().find(|(known, _)| Some(*known) == kind) else { continue };
        let Some(pod) = way.iter().try_fold(document, |node, key| get(node, key)) else { continue };
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for own in items(get(pod, list)) {
                found.push((pod, own, get(own, "name").and_then(text).unwrap_or_default()));
            }
        }
    }
    let names: Vec<&str> = found.iter().map(|(.., name)| *name).collect();
    if found.is_empty() {
        let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        manifest.wrong(0, "the manifest has no container", format!("name one with a {}", kinds.join(", ")));
        return None;
    }
    let chosen: Vec<&(&Node, &Node, &str)> =
        found.iter().filter(|(.., name)| container.is_none_or(|wanted| wanted == *name)).collect();
    match (chosen.as_slice(), container) {
        ([(pod, own, _)], _) => Some((pod, own)),
        ([], Some(wanted)) => {
            manifest.wrong(0, format!("no container is called `{wanted}`"), suggestion(wanted, &names));
            None
        }
        _ => {
            let what = format!("it has more than one container: {}", names.join(", "));
            manifest.wrong(0, what, "name one, as in `FILE#CONTAINER`");
            None
        }
    }
}

fn field(manifest: &mut Manifest<'_>, settings: &mut Settings, key: &Key, value: &Node) {
    let name = key.text.as_str();
    let shown = text(value).unwrap_or("…").to_owned();
    match name {
        "privileged" => settings.privileged = manifest.truth(key, value).unwrap_or(false),
        "allowPrivilegeEscalation" => {
            settings.no_new_privs = manifest.truth(key, value) == Some(false);
        }
        "readOnlyRootFilesystem" => settings.read_only_root = manifest.truth(key, value) == Some(true),
        "runAsNonRoot" => settings.non_root = manifest.truth(key, value),
        "runAsUser" => settings.uid = manifest.number(key, value),
        "runAsGroup" => settings.gid = manifest.number(key, value),
        "capabilities" => {
            for (key, value) in entries(value) {
                let names = manifest.texts(key, value).into_iter().map(|name| name.to_ascii_uppercase());
                match key.text.as_str() {
                    "add" => settings.add = names.collect(),
                    "drop" => settings.drop = names.collect(),
                    _ => manifest.wrong(
                        key.span.start,
                        format!("capabilities have no field {}", key.text),
                        suggestion(&key.text, &["add", "drop"]),
                    ),
                }
            }
        }
        "procMount" => match text(value) {
            Some("Default") => settings.unmasked = false,
            Some("Unmasked") => settings.unmasked = true,
            _ => manifest.wrong(value.span.start, "no such procMount", "write Default or Unmasked"),
        },
        "seccompProfile" => return seccomp(manifest, settings, key, value),
        "appArmorProfile" if get(value, "type").and_then(text) == Some("Unconfined") => {
            settings.not_applicable(name, "Unconfined", "it restricts nothing");
            return;
        }
        "appArmorProfile" | "seLinuxOptions" | "windowsOptions" => {
            if manifest.leaves_out(key, LABELS) {
                settings.ignored(name, &shown);
            }
            return;
        }
        "sysctls" => {
            for item in items(Some(value)) {
                match (get(item, "name").and_then(text), get(item, "value").and_then(text)) {
                    (Some(name), Some(value)) => {
                        settings.sysctls.insert(name.into(), value.into());
                    }
                    _ => manifest.wrong(
                        item.span.start,
                        "this is no kernel parameter",
                        "write its name and value",
                    ),
                }
            }
        }
        "fsGroup" | "fsGroupChangePolicy" | "seLinuxChangePolicy" => {
            settings.not_applicable(name, &shown, "the environment has no volumes");
            return;
        }
        "supplementalGroups" | "supplementalGroupsPolicy" => {
            settings.not_applicable(name, &shown, "the environment has no files of such groups");
            return;
        }
        _ => {
            let what = format!("a securityContext has no field {name}");
            manifest.wrong(key.span.start, what, suggestion(name, &FIELDS));
            return;
        }
    }
    let why = if name == "runAsNonRoot" && settings.uid.is_none() {
        "the run's ordinary user stands for the image's"
    } else {
        ""
    };
    settings.applied(name, &shown, why);
}

fn seccomp(manifest: &mut Manifest<'_>, settings: &mut Settings, key: &Key, value: &Node) {
    let kind = get(value, "type").and_then(text).unwrap_or_default();
    match kind {
        "RuntimeDefault" => settings.seccomp = Seccomp::RuntimeDefault,
        "Unconfined" => settings.seccomp = Seccomp::Unconfined,
        "Localhost" => {
            let why = "the profile lies on the node; put it on by `seccomp: FILE` in the same control";
            if manifest.leaves_out(key, why) {
                settings.ignored(&key.text, kind);
            }
            return;
        }
        _ => {
            let known = ["RuntimeDefault", "Unconfined", "Localhost"];
            let what = format!("there is no seccomp profile of type `{kind}`");
            manifest.wrong(value.span.start, what, suggestion(kind, &known));
            return;
        }
    }
    settings.applied(&key.text, kind, "");
}
