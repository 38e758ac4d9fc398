//! Files of the host's that are replaced: they name its people, hold its secrets, or would not be readable
//! inside although every system has them.

use crate::baits::password_hash;
use crate::error::SandboxError;
use crate::identity::Identity;
use crate::rng::Rng;
use crate::rootfs::given::Given;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The host's people begin here; below are the system's own accounts.
const FIRST_PERSON: u32 = 1000;
const NOBODY: u32 = 65_534;

/// Writes them into the given layer. `root` is where the environment's own files come from.
pub(crate) fn replace(
    given: &Given,
    root: &Path,
    host: bool,
    identity: &Identity,
    ids: bool,
) -> Result<(), SandboxError> {
    let seed = Rng::new(identity.boot_offset, "secrets").below(u64::MAX)
        ^ identity.machine_id.bytes().fold(0u64, |n, b| n.wrapping_mul(31) + u64::from(b));
    let group_of = |name: &str| if ids { group_id(root, name) } else { 0 };
    let (user, uid) = (&identity.user, identity.uid);
    let (passwd, names) = passwd(&read(root, "etc/passwd"), user, uid, host);
    let put = |path: &str, text: &str, mode: u32, gid: u32| {
        given.file(Path::new(path), &mut text.as_bytes(), mode, 0, gid)
    };
    put("/etc/passwd", &passwd, 0o644, 0)?;
    let group = group(&read(root, "etc/group"), user, uid, host);
    put("/etc/group", &group, 0o644, 0)?;
    put("/etc/hostname", &format!("{}\n", identity.hostname), 0o644, 0)?;
    let hosts =
        format!("127.0.0.1\tlocalhost\n127.0.1.1\t{0}\n::1\tlocalhost ip6-localhost\n", identity.hostname);
    put("/etc/hosts", &hosts, 0o644, 0)?;
    put("/etc/machine-id", &format!("{}\n", identity.machine_id), 0o444, 0)?;
    put("/etc/resolv.conf", "nameserver 127.0.0.53\n", 0o644, 0)?;
    if !host {
        return Ok(());
    }
    let shadow = shadow(&names, user, seed);
    put("/etc/shadow", &shadow, 0o640, group_of("shadow"))?;
    let gshadow: String = names.iter().fold(String::new(), |mut s, n| {
        let _ = writeln!(s, "{n}:*::");
        s
    });
    put("/etc/gshadow", &gshadow, 0o640, group_of("shadow"))?;
    // the last state before, which tells as much as the files themselves, and which useradd writes
    for (path, text, mode, gid) in [
        ("/etc/passwd-", &passwd, 0o644, 0),
        ("/etc/group-", &group, 0o644, 0),
        ("/etc/shadow-", &shadow, 0o640, group_of("shadow")),
        ("/etc/gshadow-", &gshadow, 0o640, group_of("shadow")),
    ] {
        if fs::symlink_metadata(path).is_ok() {
            put(path, text, mode, gid)?;
        }
    }
    if root.join("etc/sudoers").exists() {
        let sudoers = "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n";
        put("/etc/sudoers", sudoers, 0o440, 0)?;
        given.empty_dir("/etc/sudoers.d", 0o750, 0, 0)?;
    }
    // What package managers and services need to find, and the host keeps for root alone.
    for (folder, mode) in [
        ("/etc/ssl/private", 0o710),
        ("/var/lib/apt/lists/partial", 0o700),
        ("/var/cache/apt/archives/partial", 0o700),
        ("/var/cache/ldconfig", 0o700),
    ] {
        if fs::symlink_metadata(folder).is_ok_and(|m| m.is_dir()) {
            given.empty_dir(folder, mode, 0, 0)?;
        }
    }
    for (file, mode) in [
        ("/etc/.pwd.lock", 0o600),
        ("/etc/security/opasswd", 0o600),
        ("/var/lib/dpkg/lock", 0o640),
        ("/var/lib/dpkg/lock-frontend", 0o640),
        ("/var/lib/dpkg/triggers/Lock", 0o600),
        ("/var/lib/apt/lists/lock", 0o640),
        ("/var/cache/apt/archives/lock", 0o640),
        ("/var/cache/debconf/passwords.dat", 0o600),
        ("/var/log/wtmp", 0o664),
        ("/var/log/btmp", 0o660),
        ("/var/log/lastlog", 0o664),
    ] {
        if fs::symlink_metadata(file).is_ok_and(|m| m.is_file()) {
            put(file, "", mode, 0)?;
        }
    }
    put("/run/utmp", "", 0o664, 0)
}

fn read(root: &Path, name: &str) -> String {
    fs::read(root.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

fn group_id(root: &Path, name: &str) -> u32 {
    read(root, "etc/group")
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// Is this line's account one of the system's own?
fn of_system(line: &str) -> bool {
    let id = line.split(':').nth(2).and_then(|id| id.parse::<u32>().ok());
    id.is_some_and(|id| id < FIRST_PERSON || id == NOBODY)
}

/// Is this line kept? Of the host's only the system's own accounts; of an image's all whose id is free.
fn kept(line: &str, host: bool, id: u32) -> bool {
    let taken = line.split(':').nth(2).and_then(|n| n.parse().ok()) == Some(id);
    if host { of_system(line) } else { !taken }
}

fn passwd(old: &str, user: &str, uid: u32, host: bool) -> (String, Vec<String>) {
    let (mut text, mut names) = (String::new(), Vec::new());
    for line in old.lines().filter(|l| kept(l, host, uid)) {
        let name = line.split(':').next().unwrap_or_default();
        if name != user {
            let _ = writeln!(text, "{line}");
            names.push(name.to_owned());
        }
    }
    if !names.iter().any(|n| n == "root") {
        text.insert_str(0, "root:x:0:0:root:/root:/bin/sh\n");
        names.insert(0, "root".into());
    }
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let _ = writeln!(text, "{user}:x:{uid}:{uid}::/home/{user}:{shell}");
    (text, names)
}

fn group(old: &str, user: &str, gid: u32, host: bool) -> String {
    let mut text = String::new();
    for line in old.lines().filter(|l| kept(l, host, gid)) {
        let fields: Vec<&str> = line.splitn(4, ':').collect();
        if fields.first() == Some(&user) {
            continue;
        }
        // The members of the host's groups are its people.
        let members = fields.get(3).filter(|_| !host).copied().unwrap_or_default();
        let _ = writeln!(text, "{}:{members}", fields[..fields.len().min(3)].join(":"));
    }
    if !text.lines().any(|l| l.starts_with("root:")) {
        text.insert_str(0, "root:x:0:\n");
    }
    let _ = writeln!(text, "{user}:x:{gid}:");
    text
}

fn shadow(names: &[String], user: &str, seed: u64) -> String {
    let mut text = String::new();
    for name in names {
        let hash = if name == "root" { password_hash(seed, "root") } else { "*".into() };
        let _ = writeln!(text, "{name}:{hash}:19700:0:99999:7:::");
    }
    let _ = writeln!(text, "{user}:{}:19700:0:99999:7:::", password_hash(seed, "user"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_the_host_are_not_named_inside_and_the_runs_user_is() {
        let (text, names) = passwd(
            "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8::/:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n",
            "nils",
            1000,
            true,
        );
        assert!(!text.contains("alice"));
        assert!(text.contains("nils:x:1000:1000::/home/nils:"));
        assert_eq!(names, ["root", "mail"]);
        assert_eq!(
            group("sudo:x:27:alice\nalice:x:1000:\n", "nils", 1000, true),
            "root:x:0:\nsudo:x:27:\nnils:x:1000:\n"
        );
    }

    #[test]
    fn people_of_an_image_stay_unless_their_id_is_the_runs_users() {
        let text = "root:x:0:0::/root:/bin/sh\napp:x:2000:2000::/app:/bin/sh\nold:x:1000:1000::/o:/bin/sh\n";
        let (text, names) = passwd(text, "nils", 1000, false);
        assert_eq!(names, ["root", "app"]);
        assert!(text.contains("app:x:2000") && !text.contains("old"));
        assert_eq!(
            group("root:x:0:\nadm:x:4:app\n", "nils", 1000, false),
            "root:x:0:\nadm:x:4:app\nnils:x:1000:\n"
        );
    }

    #[test]
    fn every_account_with_a_password_has_a_random_hash() {
        let text = shadow(&["root".into(), "mail".into()], "nils", 3);
        assert_eq!(text.matches("$6$").count(), 2);
        assert_ne!(text, shadow(&["root".into(), "mail".into()], "nils", 4));
    }
}
