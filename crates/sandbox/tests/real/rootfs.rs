//! A folder as the root file system, and baits.

use crate::common::{HELPER, launch_and_wait, plan, run_id, skipped_without_root, work};
use detektr_sandbox::{BaitKind, EndState, Environment, Rootfs, RunAs, default_set};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A root file system of a shell, `cat` and what they link to.
fn tiny_root(folder: &Path) -> PathBuf {
    let root = folder.join("root-fs");
    for program in ["/bin/sh", "/bin/cat"] {
        let libraries = Command::new("ldd").arg(program).output().expect("ldd").stdout;
        let libraries = String::from_utf8_lossy(&libraries).into_owned();
        let needed = libraries.split_whitespace().filter(|w| w.starts_with('/'));
        for file in needed.chain([program]) {
            let to = root.join(file.trim_start_matches('/'));
            fs::create_dir_all(to.parent().expect("parent")).expect("mkdir");
            fs::copy(file, &to).expect("copy");
        }
    }
    fs::create_dir_all(root.join("etc")).expect("mkdir");
    fs::write(root.join("etc/only-here"), "mine\n").expect("write");
    fs::set_permissions(root.join("etc/only-here"), fs::Permissions::from_mode(0o600)).expect("mode");
    root
}

#[test]
fn a_folder_is_the_whole_world_inside_and_stays_as_it_was() {
    if skipped_without_root() {
        return;
    }
    let (folder, home) = (work(), work());
    let root = tiny_root(home.path());
    let mut plan = plan(folder.path(), RunAs::Root);
    plan.rootfs = Rootfs::Dir(root.clone());
    let mut environment = Environment::create(&plan).expect("create");
    let script =
        "cat /etc/only-here; echo changed > /etc/only-here; cat /etc/only-here; echo /*; cat /etc/shells";
    let did = launch_and_wait(&mut environment, &["sh", "-c", script], 10);
    assert_eq!(did.ended.state, EndState::Completed);
    let listed = did.out.lines().nth(2).expect("a list");
    assert!(did.out.starts_with("mine\nchanged\n"), "{}", did.out);
    assert!(
        !listed.contains("/usr")
            && !listed.contains("/opt")
            && listed.contains("/bin")
            && listed.contains("/proc"),
        "{listed}"
    );
    assert!(did.out.contains("/etc/shells: No such file"), "{}", did.out);
    environment.destroy().expect("destroy");
    assert_eq!(fs::read_to_string(root.join("etc/only-here")).expect("read"), "mine\n");
    assert!(!root.join("proc").exists());
}

#[test]
fn an_ordinary_user_may_use_a_folder_too() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let root = tiny_root(folder.path());
    let helper = folder.path().join("helper");
    fs::copy(HELPER, &helper).expect("copy");
    let given = Command::new("chown").args(["-R", "65534:65534"]).arg(folder.path()).status().expect("chown");
    assert!(given.success());
    chown(folder.path(), Some(65_534), Some(65_534)).expect("chown");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&helper)
        .args([&run_id("dir"), &folder.path().join("runs").to_string_lossy().into_owned()])
        .args(["root", "sh", "-c", "cat /etc/only-here; echo x > /etc/only-here; cat /etc/only-here"])
        .env("HELPER_ROOTFS", &root)
        .output()
        .expect("setpriv");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "mine\nx\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_bait_lies_where_it_says_and_belongs_to_whom_it_should() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut plan = plan(folder.path(), RunAs::User);
    plan.baits = default_set(3, &plan.identity);
    let mut environment = Environment::create(&plan).expect("create");
    let did = launch_and_wait(
        &mut environment,
        &[
            "sh",
            "-c",
            "cd; cat .ssh/id_ed25519 .aws/credentials; stat -c %a:%U .ssh .ssh/id_ed25519; env; cat /root/.ssh/id_ed25519",
        ],
        10,
    );
    environment.destroy().expect("destroy");
    for bait in &plan.baits {
        let own = match &bait.kind {
            BaitKind::File { path, .. } => path.ends_with("id_ed25519") || path.ends_with(".aws/credentials"),
            BaitKind::Env { .. } => true,
            BaitKind::Answer { .. } => false,
        };
        let seen = did.out.contains(&bait.value);
        assert_eq!(seen, own && !bait.name.starts_with("root_"), "{}", bait.name);
    }
    let user = &plan.identity.user;
    assert!(did.out.contains(&format!("700:{user}\n600:{user}\n")), "{}", did.out);
}

#[test]
fn what_is_given_is_the_same_in_memory_and_on_the_disk_and_gone_with_the_run() {
    if skipped_without_root() {
        return;
    }
    let script = "cat /root/.placed; stat -c '%n %a %u %g' /root /root/.placed /tmp /var/log; ls -A /root /home /run | sort; \
                  cat /etc/shadow | cut -d : -f 1,2; mv /root/.placed /root/x && echo more >>/root/x && cat /root/x";
    let told = [0, u64::MAX].map(|placed| {
        let folder = work();
        let mut plan = plan(folder.path(), RunAs::Root);
        plan.placed = placed;
        plan.baits = default_set(7, &plan.identity);
        let mut environment = Environment::create(&plan).expect("create");
        let given = environment.given().to_owned();
        environment.place(Path::new("/root/.placed"), &mut &b"placed\n"[..], 0o640).expect("place");
        let did = launch_and_wait(&mut environment, &["sh", "-c", script], 30);
        assert_eq!(fs::read_to_string(given.join("0/root/.placed")).expect("as it was"), "placed\n");
        assert!(environment.layers()[0].lowers[0].starts_with(&given));
        environment.destroy().expect("destroy");
        // another test's may have the same number by now, and no such file
        assert!(!given.join("0/root/.placed").exists());
        assert!(fs::read_dir(folder.path()).expect("list").next().is_none());
        (given.starts_with(folder.path().canonicalize().expect("a path")), did.out)
    });
    assert_eq!(told[0].1, told[1].1);
    assert!(told[0].1.starts_with("placed\n/root 700 0 0\n/root/.placed 640 0 0\n"), "{}", told[0].1);
    assert!(told[1].0, "much is kept on the disk");
    assert!(!told[0].0, "little is kept in memory");
}
