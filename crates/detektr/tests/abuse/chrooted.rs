//! Detektr started in a chroot, where the kernel lets nobody make an environment: exit code 4 and the way out.

use crate::support::{Place, Who, finish, spawn, without_root};
use std::path::Path;

#[test]
fn a_chroot_is_told_with_the_way_out() {
    if without_root() {
        return;
    }
    let place = Place::new(Who::Root);
    let inside = place.path("inside");
    std::fs::create_dir(&inside).unwrap();
    // The host's folders, below a root that is no mount point itself, in a mount namespace of the test's own.
    let script = "cd \"$INSIDE\" || exit 99
        for folder in bin lib lib64 usr etc dev proc sys tmp; do
            [ -e /$folder ] || continue
            mkdir $folder && mount --rbind /$folder $folder || exit 99
        done
        exec chroot . \"$DETEKTR\" detonate --json -- true";
    let mut command = place.command_of(Path::new("/usr/bin/unshare"));
    command.env("DETEKTR", place.binary()).env("INSIDE", &inside);
    command.args(["-m", "--propagation", "private", "sh", "-c", script]);
    let told = finish(spawn(&mut command));
    assert_eq!(told.code, 4, "{told:?}");
    assert!(told.stdout.contains("no environment can be made here"), "{told:?}");
    assert!(told.stdout.contains("pivot_root"), "the remedy is missing: {told:?}");
    place.is_clean("a chroot");
}
