//! What programs are given arrives whole, and what was run is known by its content.

use crate::support::{Place, Run, SENSORS, able};
use detektr_evidence::sha256_hex;
use serde_json::{Value, json};

/// Executes itself with 1 MiB of arguments and 256 KiB of environment, and makes a file by a path of 4,095 bytes.
const LARGE: &str = r#"
#include "tell.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#define WORDS 16
static char words[WORDS + 4][65536];
int main(int count, char **argv)
{
    if (count > 2)
        return count != WORDS + 1;
    static char path[4097] = "/tmp";
    for (size_t length = 4; length < 4095;) {
        size_t part = 4095 - length - 1 > 200 ? 200 : 4095 - length - 1;
        if (4095 - length - 1 - part == 1)
            part--;
        path[length] = '/';
        memset(path + length + 1, 'a' + length % 26, part);
        length += part + 1;
        if (length == 4095)
            break;
        if (mkdir(path, 0755))
            return 2;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || strlen(path) != 4095)
        return 3;
    close(fd);
    if (unlink(path))
        return 4;
    char *arguments[WORDS + 2] = {argv[0]}, *environment[5] = {0};
    for (int i = 0; i < WORDS + 4; i++) {
        memset(words[i], 'A' + i, sizeof words[i] - 1);
        if (i < WORDS)
            arguments[i + 1] = words[i];
        else
            environment[i - WORDS] = words[i];
    }
    char self[4096] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 5;
    execve(self, arguments, environment);
    return 6;
}
"#;

fn word(i: u8) -> Value {
    Value::from(char::from(b'A' + i).to_string().repeat(65_535))
}

#[test]
fn a_mebibyte_of_arguments_and_a_path_of_4095_bytes_arrive_whole() {
    for sensor in SENSORS.into_iter().filter(|sensor| able(sensor)) {
        let place = Place::new();
        let Some(file) = place.compile("large", LARGE, &[]) else { return };
        let run = place.detonate(&["--sensor", sensor, file.to_str().unwrap()]);
        let exec = &run.one("process.exec", |_| true)["exec"];
        assert_eq!(exec["incomplete"], Value::Null, "{sensor}");
        let given: Vec<Value> = (0..16).map(word).collect();
        assert!(exec["argv"].as_array().unwrap()[1..] == given[..], "{sensor}: argv is another");
        let given: Vec<Value> = (16..20).map(word).collect();
        assert!(exec["env"].as_array().unwrap()[..] == given[..], "{sensor}: env is another");
        for kind in ["file.create", "file.unlink"] {
            let path = run.one(kind, |_| true)["file"]["path"].as_str().unwrap();
            assert_eq!((path.len(), &path[..5]), (4095, "/tmp/"), "{sensor}, {kind}");
        }
    }
}

fn actions(sensor: &str) -> Option<Run> {
    let place = Place::new();
    let file = if able(sensor) { place.program("actions")? } else { return None };
    let run = place.act(sensor, "user", &file);
    assert_eq!(run.start()["exec"]["sha256"], sha256_hex(&std::fs::read(&file).unwrap()), "{sensor}");
    Some(run)
}

#[test]
fn what_runs_from_memory_or_without_a_name_is_flagged_and_hashed() {
    for sensor in SENSORS {
        let Some(run) = actions(sensor) else { continue };
        let memory = &run.one("process.exec", |e| e["exec"]["memfd"] == true)["exec"];
        let copy = &run.one("process.exec", |e| e["exec"]["file"]["path"] == "/tmp/copy")["exec"];
        assert_eq!((&copy["deleted"], &copy["memfd"]), (&json!(true), &Value::Null), "{sensor}");
        let hash = &run.start()["exec"]["sha256"];
        assert_eq!(&copy["sha256"], hash, "{sensor}: {copy}");
        // the kernel hands no such file to the one who hashes beside eBPF: then the reason is told
        let untold =
            sensor == "ebpf" && memory["sha256"]["absent"].as_str().is_some_and(|why| why.contains("memfd"));
        assert!(untold || &memory["sha256"] == hash, "{sensor}: {memory}");
        for exec in [memory, copy] {
            assert_eq!((&exec["argv"], &exec["env"]), (&json!(["actions", "--end"]), &json!(["MADE=here"])));
            assert_eq!(exec["parent"], run.start()["process"]["id"], "{sensor}");
        }
    }
}

#[test]
fn a_failed_exec_tells_what_was_given() {
    for sensor in SENSORS {
        let Some(run) = actions(sensor) else { continue };
        let failed = run.one("process.exec", |e| e["outcome"]["errno"] == "ENOENT");
        let exec = &failed["exec"];
        assert_eq!(exec["file"]["path"], "/missing/program", "{sensor}");
        assert_eq!((&exec["argv"], &exec["env"]), (&json!(["actions", "--end"]), &json!(["MADE=here"])));
        assert_eq!(failed["process"]["id"], run.start()["process"]["id"], "{sensor}: no new image");
    }
}

#[test]
fn a_script_is_known_by_its_own_content() {
    for sensor in SENSORS.into_iter().filter(|sensor| able(sensor)) {
        let place = Place::new();
        let script = place.path("script");
        std::fs::write(&script, "#!/bin/sh\necho ran\n").unwrap();
        let run = place.detonate(&["--sensor", sensor, script.to_str().unwrap()]);
        assert_eq!(run.stdout, "ran\n", "{sensor}");
        let exec = &run.start()["exec"];
        assert_eq!(exec["sha256"], sha256_hex(b"#!/bin/sh\necho ran\n"), "{sensor}: {exec}");
        assert!(
            exec["interpreter"]["path"].as_str().is_some_and(|path| path.ends_with("sh")),
            "{sensor}: {exec}"
        );
        assert!(exec["file"]["path"].as_str().unwrap().ends_with("/script"), "{sensor}: {exec}");
    }
}

#[test]
fn calls_of_the_32_bit_interface_say_so() {
    for sensor in SENSORS.into_iter().filter(|sensor| able(sensor)) {
        let place = Place::new();
        let Some(file) = place.program("ia32") else { return };
        let run = place.act(sensor, "user", &file);
        let calls: Vec<_> = run.acts().filter(|e| e["syscall"].is_object()).collect();
        assert!(calls.len() > 20, "{sensor}");
        for call in calls {
            assert_eq!(call["syscall"]["arch"], "i386", "{sensor}: {call}");
        }
        let truncate = run.one("file.truncate", |_| true);
        assert_eq!(truncate["file"]["length"], 1u64 << 33, "{sensor}");
        let failed = run.one("process.exec", |_| true);
        assert_eq!(failed["exec"]["argv"], json!(["name32", "argument32"]), "{sensor}");
        // its arguments are in memory
        let old = |length: u64| {
            let right = |e: &Value| e["syscall"]["nr"] == 90 && e["memory_exec"]["length"] == length;
            run.one("process.memory_exec", right)["memory_exec"].clone()
        };
        assert_eq!(old(8192)["protection"], json!(["PROT_READ", "PROT_WRITE", "PROT_EXEC"]), "{sensor}");
        assert_eq!(old(8192)["file"], Value::Null, "{sensor}");
        assert_eq!(old(4096)["protection"], json!(["PROT_READ", "PROT_EXEC"]), "{sensor}");
        assert_eq!(old(4096)["file"]["path"], "memfd:memory32", "{sensor}");
        let unread =
            run.one("process.memory_exec", |e| e["syscall"]["nr"] == 90 && e["syscall"]["args"][0] == 8);
        assert_eq!(unread["memory_exec"]["protection"], json!(["?"]), "{sensor}");
        assert_eq!(unread["outcome"]["errno"], "EFAULT", "{sensor}");
    }
}

#[test]
fn operations_of_a_ring_tell_their_result_or_the_ring_is_refused() {
    for sensor in SENSORS.into_iter().filter(|sensor| able(sensor)) {
        let place = Place::new();
        let Some(file) = place.program("uring") else { return };
        let run = place.act_with_rings(sensor, "root", &file);
        let setup = run.one("kernel.io_uring", |e| e["io_uring"]["operation"] == "setup");
        if sensor == "ptrace" {
            assert_eq!(setup["outcome"]["errno"], "ENOSYS");
            continue;
        }
        assert_eq!(setup["outcome"]["result"], "success");
        let done = |operation: &str, result: i64| {
            let right = |e: &Value| {
                e["io_uring"]["operation"] == operation
                    && e["io_uring"]["result"].as_i64().map(|n| n.min(11)) == Some(result)
            };
            run.one("kernel.io_uring", right)
        };
        assert_eq!(done("IORING_OP_WRITE", 11)["io_uring"]["file"]["path"], "/tmp/ring-new");
        assert_eq!(done("IORING_OP_OPENAT", -2)["outcome"]["errno"], "ENOENT");
        assert_eq!(done("IORING_OP_RENAMEAT", 0)["io_uring"]["to"]["path"], "/tmp/ring-old");
        let closed = &done("IORING_OP_CLOSE", 0)["io_uring"];
        assert_ne!(closed["fd"], 0, "standard input was not closed: {closed}");
    }
}
