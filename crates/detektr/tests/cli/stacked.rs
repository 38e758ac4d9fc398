//! A host whose own root is an overlay, as in a container: environments are made there too, and hide what they must.

use crate::support::Home;
use std::process::{Command, Stdio};

/// Makes such a root in a mount namespace of its own, moves in, and runs the words there; the data folder lies on a tmpfs.
const WITHIN: &str = r#"
mount -t tmpfs -o mode=1777 tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
for folder in proc sys dev; do mount --rbind "/$folder" "root/$folder"; done
mount -t tmpfs -o mode=1777 tmpfs root/tmp
install -m 755 "$2" root/tmp/detektr
mkdir -m 777 root/tmp/data root/tmp/old
printf 'for root alone\n' >root/etc/detektr-canary
chmod 600 root/etc/detektr-canary
cd root
pivot_root . tmp/old
cd /
umount -l /tmp/old
export DETEKTR_HOME="$3"
shift 3
exec "$@"
"#;

fn stacked(home: &Home, data: &str, words: &[&str]) -> Option<(i32, String)> {
    let folder = home.path("stage");
    std::fs::create_dir_all(&folder).unwrap();
    let binary = home.command().get_program().to_owned();
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-eu", "-c", WITHIN, "sh"])
        .arg(&folder)
        .arg(binary)
        .arg(data)
        .args(words)
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: unshare: {error}");
            return None;
        }
    };
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if ["unshare:", "mount:", "pivot_root:"].iter().any(|tool| told.starts_with(tool)) {
        eprintln!("skipped: {told}");
        return None;
    }
    Some((output.status.code().expect("it was not killed"), told))
}

#[test]
fn environments_are_made_where_the_host_is_an_overlay_itself() {
    let script = "touch /etc/made /usr/made || exit 7; cat /etc/detektr-canary";
    for who in [&[][..], &["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]] {
        let home = Home::new();
        let words = [
            who,
            &[
                "/tmp/detektr",
                "--json",
                "detonate",
                "--user",
                "root",
                "--net",
                "none",
                "--",
                "sh",
                "-c",
                script,
            ],
        ]
        .concat();
        let Some((code, told)) = stacked(&home, "/tmp/data/home", &words) else { return };
        assert_eq!(code, 0, "{who:?}: {told}");
        let document: serde_json::Value = serde_json::from_str(&told).unwrap();
        // the script wrote, and ends as its last command does: it can't read what is root's alone
        assert_eq!(
            (&document["exit"]["code"], &document["complete"]),
            (&1.into(), &true.into()),
            "{who:?}: {told}"
        );
    }
    // nothing of it reached the host
    assert!(
        !std::path::Path::new("/etc/made").exists() && !std::path::Path::new("/etc/detektr-canary").exists()
    );
}

#[test]
fn a_data_folder_on_an_overlay_is_refused_with_the_words_that_help() {
    let home = Home::new();
    let words = ["/tmp/detektr", "detonate", "--", "true"];
    let Some((code, told)) = stacked(&home, "/var/data", &words) else { return };
    let said: Vec<&str> = told.split_whitespace().filter(|word| *word != "│").collect();
    let said = said.join(" ");
    assert!(
        code == 4 && said.contains("lies on an overlay") && said.contains("DETEKTR_HOME"),
        "{code} {told}"
    );
}
