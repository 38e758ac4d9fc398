//! A service of a compose file.

use super::manifest::{Manifest, entries, get, items, text};
use super::settings::{Seccomp, Settings};
use detektr_yaml::{Key, Node, suggestion};

/// Fields that would need something of the host.
const UNENFORCEABLE: [&str; 10] = [
    "network_mode",
    "pid",
    "ipc",
    "uts",
    "userns_mode",
    "cgroup",
    "devices",
    "device_cgroup_rules",
    "group_add",
    "runtime",
];

/// Bounds, which `limits` sets for all arms.
const BOUNDS: [&str; 12] = [
    "mem_limit",
    "memswap_limit",
    "mem_reservation",
    "pids_limit",
    "cpus",
    "cpu_count",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "ulimits",
    "deploy",
    "shm_size",
];

/// The settings of one service.
pub(super) fn settings(
    manifest: &mut Manifest<'_>,
    services: &Node,
    wanted: Option<&str>,
) -> Option<Settings> {
    let names: Vec<&str> = entries(services).iter().map(|(key, _)| key.text.as_str()).collect();
    let service = match (names.as_slice(), wanted) {
        ([only], None) => get(services, only)?,
        (_, Some(wanted)) => match get(services, wanted) {
            Some(service) => service,
            None => {
                let what = format!("no service is called `{wanted}`");
                manifest.wrong(services.span.start, what, suggestion(wanted, &names));
                return None;
            }
        },
        _ => {
            let what = format!("it has more than one service: {}", names.join(", "));
            manifest.wrong(services.span.start, what, "name one, as in `FILE#SERVICE`");
            return None;
        }
    };
    // Docker puts its profile on unless told otherwise
    let mut settings = Settings { seccomp: Seccomp::RuntimeDefault, ..Settings::default() };
    for (key, value) in entries(service) {
        field(manifest, &mut settings, key, value);
    }
    Some(settings)
}

fn field(manifest: &mut Manifest<'_>, settings: &mut Settings, key: &Key, value: &Node) {
    let name = key.text.as_str();
    let shown = text(value).unwrap_or("…").to_owned();
    match name {
        "privileged" => settings.privileged = manifest.truth(key, value).unwrap_or(false),
        "read_only" => settings.read_only_root = manifest.truth(key, value) == Some(true),
        "cap_add" => settings.add = capabilities(manifest, key, value),
        "cap_drop" => settings.drop = capabilities(manifest, key, value),
        "security_opt" => {
            for option in manifest.texts(key, value) {
                security_option(manifest, settings, key, &option);
            }
            return;
        }
        "user" => {
            let mut ids = shown.splitn(2, ':').map(str::parse::<u32>);
            match (ids.next(), ids.next()) {
                (Some(Ok(uid)), None) => settings.uid = Some(uid),
                (Some(Ok(uid)), Some(Ok(gid))) => (settings.uid, settings.gid) = (Some(uid), Some(gid)),
                _ if shown == "root" => settings.uid = Some(0),
                // an account of the image: the ordinary one stands for it
                _ => settings.non_root = Some(true),
            }
        }
        "tmpfs" => {
            let paths: Vec<String> = match text(value) {
                Some(path) => vec![path.to_owned()],
                None => manifest.texts(key, value),
            };
            let path =
                |path: String| path.split(':').next().unwrap_or_default().trim_end_matches('/').to_owned();
            settings.empty.extend(paths.into_iter().map(path));
        }
        "sysctls" => {
            for (key, value) in entries(value) {
                settings.sysctls.insert(key.text.clone(), text(value).unwrap_or_default().into());
            }
            for item in items(Some(value)) {
                if let Some((name, value)) = text(item).and_then(|text| text.split_once('=')) {
                    settings.sysctls.insert(name.into(), value.into());
                }
            }
        }
        "volumes" => {
            for item in items(Some(value)) {
                settings.volumes.extend(volume(item));
            }
        }
        _ if UNENFORCEABLE.contains(&name) => {
            if manifest.leaves_out(key, "the environment has what it has for all arms") {
                settings.ignored(name, &shown);
            }
            return;
        }
        _ if BOUNDS.contains(&name) => {
            settings.not_applicable(name, &shown, "it is how much is used: `limits` bounds that");
            return;
        }
        // image, ports, environment, …: no security fields
        _ => return,
    }
    settings.applied(name, &shown, "");
}

fn capabilities(manifest: &mut Manifest<'_>, key: &Key, value: &Node) -> std::collections::BTreeSet<String> {
    manifest.texts(key, value).into_iter().map(|name| name.to_ascii_uppercase()).collect()
}

fn security_option(manifest: &mut Manifest<'_>, settings: &mut Settings, key: &Key, option: &str) {
    let (name, value) = option.split_once([':', '=']).unwrap_or((option, "true"));
    match (name, value) {
        ("no-new-privileges", "true") => settings.no_new_privs = true,
        ("no-new-privileges", _) => settings.no_new_privs = false,
        ("seccomp", "unconfined") => settings.seccomp = Seccomp::Unconfined,
        ("apparmor" | "label", "unconfined" | "disable") => {
            settings.not_applicable(&key.text, option, "it restricts nothing");
            return;
        }
        ("seccomp", _) => {
            let why = "put the profile on by `seccomp: FILE` in the same control";
            if manifest.leaves_out(key, why) {
                settings.ignored(&key.text, option);
            }
            return;
        }
        _ => {
            if manifest.leaves_out(key, "this version puts no security module's labels on") {
                settings.ignored(&key.text, option);
            }
            return;
        }
    }
    settings.applied(&key.text, option, "");
}

/// The place inside of a volume, and whether it can be written to.
fn volume(node: &Node) -> Option<(String, bool)> {
    if let Some(short) = text(node) {
        let parts: Vec<&str> = short.split(':').collect();
        let target = if parts.len() > 1 { parts[1] } else { parts[0] };
        let read_only = parts.get(2).is_some_and(|options| options.split(',').any(|one| one == "ro"));
        return Some((target.trim_end_matches('/').into(), !read_only));
    }
    let target = get(node, "target").and_then(text)?;
    Some((target.trim_end_matches('/').into(), get(node, "read_only").and_then(text) != Some("true")))
}
