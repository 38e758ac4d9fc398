//! What programs log, by syslog(3) and to systemd's journal: each message once, with the process that sent it.

use crate::support::{Place, SENSORS, able};
use serde_json::Value;

/// Logs in every way, as several processes that end at once; then how many messages `argv[2]` says, without a pause.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static int journal(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (void *)&to, sizeof to)) exit(10);
    return fd;
}

static void large(int fd, int seals) {
    static char text[200000];
    memset(text, 'x', sizeof text);
    int memory = memfd_create("journal", MFD_ALLOW_SEALING);
    if (write(memory, text, sizeof text) != sizeof text) exit(11);
    if (seals && fcntl(memory, F_ADD_SEALS, seals)) exit(12);
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = {0};
    struct msghdr message = {.msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &memory, sizeof memory);
    if (sendmsg(fd, &message, 0) < 0) exit(13);
}

int main(int argc, char **argv) {
    int many = argc > 2 ? atoi(argv[2]) : 0;
    openlog("teller", LOG_PID, LOG_AUTH);
    syslog(LOG_WARNING, "by syslog");
    for (int child = 0; child < 20; child++) {
        if (fork() == 0) {
            syslog(LOG_INFO, "child %d", child);
            _exit(0);
        }
    }
    while (wait(0) > 0) {}
    int fd = journal();
    if (send(fd, "MESSAGE=native\nPRIORITY=5\n", 26, 0) != 26) return 14;
    large(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    large(fd, 0);
    for (int n = 0; n < many; n++) syslog(LOG_INFO, "flood");
    return 0;
}
"#;

fn text(event: &Value) -> &str {
    let message = &event["log"]["message"];
    message.as_str().or(message["text"].as_str()).unwrap_or_default()
}

#[test]
fn every_message_is_told_once_with_its_process() {
    for sensor in SENSORS {
        let place = Place::new();
        if !able(sensor) {
            continue;
        }
        let Some(program) = place.compile("teller", PROGRAM, &[]) else { continue };
        let run = place.act(sensor, "user", &program);
        let first = run.one("log.message", |e| text(e).ends_with(": by syslog"));
        let pid = first["process"]["pid"].as_u64().unwrap();
        assert_eq!(first["log"]["socket"], "/dev/log", "{sensor}");
        assert!(text(first).starts_with("<36>"), "{sensor}: {first}");
        assert!(text(first).contains(&format!("teller[{pid}]")), "{sensor}: the process is another: {first}");
        assert_eq!(first["process"]["id"], run.start()["process"]["id"], "{sensor}");
        let mut senders = std::collections::BTreeSet::new();
        for child in 0..20 {
            let told = run.one("log.message", |e| text(e).ends_with(&format!(": child {child}")));
            senders.insert(told["process"]["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(senders.len(), 20, "{sensor}: each child is a process of its own");
        let native = run.one("log.message", |e| text(e).starts_with("MESSAGE=native\n"));
        assert_eq!(native["log"]["socket"], "/run/systemd/journal/socket", "{sensor}");
        let large = run.one("log.message", |e| text(e).starts_with("xxxx"));
        assert_eq!(large["log"]["message"]["truncated"], 200_000, "{sensor}");
        let unsealed = run.one("log.message", |e| text(e).is_empty());
        assert_eq!(unsealed["log"]["message"], "", "{sensor}: what is not sealed is not read");
    }
}

#[test]
fn a_flood_costs_messages_and_not_the_programs_time_and_is_told() {
    let place = Place::new();
    let Some(program) = place.compile("teller", PROGRAM, &[]) else { return };
    let args = ["detonate", "--json", "--timeout", "300s", program.to_str().unwrap(), "--", "/tmp", "400000"];
    let document: Value = serde_json::from_slice(&place.detektr(&args).stdout).unwrap();
    assert_eq!((document["state"].as_str(), document["exit"]["code"].as_i64()), (Some("completed"), Some(0)));
    let bundle = std::path::Path::new(document["bundle"].as_str().unwrap());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(bundle.join("manifest.json")).unwrap()).unwrap();
    let counts = &manifest["ledger"]["log.message"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(count("attempted"), 400_000 + 24, "{counts}");
    assert_eq!(count("attempted"), count("written") + count("dropped"), "{counts}");
    assert!(count("dropped") > 0, "16 MiB hold fewer messages: {counts}");
    let reasons = document["incomplete"].as_array().unwrap();
    assert!(reasons.iter().any(|r| r["reason"] == "events_dropped" && r["detail"].as_str().unwrap().contains("log.message")), "{document}");
}
