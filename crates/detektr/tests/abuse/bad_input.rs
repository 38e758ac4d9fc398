//! What can't be run is refused before anything runs: exit code 2, the file and the remedy named, nothing left.

use crate::support::{NOBODY, Place, Told, Who, everyone, open_up};
use std::fs;
use std::path::Path;

/// Refused: exit code 2, a document that names every one of `parts` and a remedy, and no trace.
pub fn assert_refused(place: &Place, told: Told, parts: &[&str]) {
    let document = told.exits(2).json();
    let error = &document["error"];
    let message = error["message"].as_str().unwrap();
    for part in parts {
        assert!(message.contains(part), "{:?}: {part:?} is missing in {document}", place.who());
    }
    assert!(error["help"].as_str().is_some_and(|help| help.len() > 10), "no remedy: {document}");
    assert_eq!(place.names("runs"), Vec::<String>::new());
    place.is_clean("a refusal");
}

fn refused(place: &Place, path: &Path, parts: &[&str]) {
    let shown = path.to_str().unwrap();
    assert_refused(place, place.detonate(&[shown]), &[&[shown], parts].concat());
}

/// A whole 64-bit ELF header of `machine` with one program header.
fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes
}

#[test]
fn a_missing_file_and_a_folder_are_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        refused(&place, &place.path("absent"), &["No such file"]);
        let folder = place.path("folder");
        fs::create_dir(&folder).unwrap();
        refused(&place, &folder, &["directory"]);
    }
}

#[test]
fn an_unreadable_file_is_refused_by_name() {
    let place = Place::new(Who::Ordinary);
    let path = place.file("secret", b"#!/bin/sh\n");
    open_up(&path, 0o000);
    refused(&place, &path, &["Permission denied"]);
}

#[test]
fn a_fifo_and_a_device_are_refused_without_being_opened() {
    for place in everyone().into_iter().map(Place::new) {
        let fifo = place.path("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        refused(&place, &fifo, &["FIFO"]);
        refused(&place, Path::new("/dev/zero"), &["device"]);
    }
}

#[test]
fn files_that_no_kernel_would_run_are_refused_by_name_and_reason() {
    for place in everyone().into_iter().map(Place::new) {
        refused(&place, &place.file("empty", b""), &["empty"]);
        refused(&place, &place.file("arm", &elf(183)), &["AArch64"]);
        refused(&place, &place.file("short", b"\x7fELF\x02\x01\x01"), &["broken"]);
        refused(&place, &place.file("torn", &elf(62)[..100]), &["broken"]);
        refused(&place, &place.file("noise", &[0xff, 0, 1, 2, 0, 9]), &["neither ELF nor text"]);
    }
}

#[test]
fn an_absent_interpreter_loader_or_command_is_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        let script = place.file("script", b"#!/opt/no/such/interpreter -x\n");
        refused(&place, &script, &["/opt/no/such/interpreter"]);
        let told = place.detonate(&["--", "no-such-command-at-all", "x"]);
        assert_refused(&place, told, &["no-such-command-at-all"]);
        let told = place.detonate(&["--", "/no/such/command"]);
        assert_refused(&place, told, &["/no/such/command"]);
    }
}

#[test]
fn a_script_whose_name_asks_for_an_absent_interpreter_is_refused() {
    for place in everyone().into_iter().map(Place::new) {
        let rootfs = place.path("rootfs");
        fs::create_dir_all(rootfs.join("bin")).unwrap();
        let script = place.file("x.py", b"print(1)\n");
        let told = place.detonate(&["--rootfs", rootfs.to_str().unwrap(), script.to_str().unwrap()]);
        assert_refused(&place, told, &["python3"]);
    }
}

#[test]
fn a_root_file_system_that_is_absent_or_may_not_be_read_is_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        let absent = place.path("no-rootfs");
        let told = place.detonate(&["--rootfs", absent.to_str().unwrap(), "--", "true"]);
        assert_refused(&place, told, &[absent.to_str().unwrap()]);
        if place.who() == Who::Ordinary {
            let locked = place.path("locked");
            fs::create_dir(&locked).unwrap();
            open_up(&locked, 0o000);
            let told = place.detonate(&["--rootfs", locked.to_str().unwrap(), "--", "true"]);
            assert_refused(&place, told, &[locked.to_str().unwrap(), "Permission denied"]);
        }
    }
}

#[test]
fn an_absent_stdin_and_a_bad_key_are_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        let absent = place.path("no-input");
        let told = place.detonate(&["--stdin", absent.to_str().unwrap(), "--", "true"]);
        assert_refused(&place, told, &[absent.to_str().unwrap()]);
        let key = place.file("key.pem", b"no key\n");
        let told = place.detonate(&["--key", key.to_str().unwrap(), "--", "true"]);
        assert_refused(&place, told, &[key.to_str().unwrap()]);
    }
}

#[test]
fn a_data_folder_without_permission_or_that_is_a_file_is_refused_by_name() {
    for place in everyone().into_iter().map(Place::new) {
        if place.who() == Who::Ordinary {
            let parent = place.path("closed");
            fs::create_dir(&parent).unwrap();
            open_up(&parent, 0o555);
            // of root's, or of nobody's own: neither may make folders in it
            let _ = std::os::unix::fs::chown(&parent, Some(NOBODY), Some(NOBODY));
            data_folder_refused(&place, &parent.join("home"), "Permission denied");
        }
        let file = place.file("file", b"x");
        data_folder_refused(&place, &file, "");
        data_folder_refused(&place, &file.join("below"), "Not a directory");
    }
}

fn data_folder_refused(place: &Place, home: &Path, why: &str) {
    let mut command = place.command();
    command.env("DETEKTR_HOME", home).args(["detonate", "--json", "--", "true"]);
    let told = crate::support::finish(crate::support::spawn(&mut command));
    assert_refused(place, told, &[home.to_str().unwrap(), why]);
}
