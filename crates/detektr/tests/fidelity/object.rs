//! What an event, or a line that a program told, was done to: one short text, the same for both.

use serde_json::Value;

/// How an event ended: `ok`, or the error by name.
pub fn outcome(event: &Value) -> String {
    match event["outcome"]["result"].as_str() {
        Some("success") => "ok".into(),
        _ => event["outcome"]["errno"].as_str().unwrap_or("unfinished").into(),
    }
}

/// What `event` was done to.
pub fn object(event: &Value) -> String {
    let file = &event["file"];
    let path = || text(&file["path"]);
    let network = &event["network"];
    match event["kind"].as_str().unwrap() {
        "file.write" => format!("{} {}", path(), file["bytes"]),
        "file.rename" => format!("{} {}", path(), text(&file["to"]["path"])),
        "file.link" => format!("{} {}", text(&file["source"]["path"]), path()),
        "file.symlink" => format!("{} {}", text(&file["target"]), path()),
        "file.pivot_root" => format!("{} {}", path(), text(&file["put_old"]["path"])),
        "file.memfd_create" => text(&file["name"]),
        kind if kind.starts_with("file.") => path(),
        "process.chdir" => text(&event["chdir"]["directory"]["path"]),
        "process.chroot" => text(&event["chroot"]["directory"]["path"]),
        "process.exec" => text(&event["exec"]["file"]["path"]),
        "process.fork" if event["fork"]["thread"] == true => "thread".into(),
        "process.fork" => "process".into(),
        "process.session" => text(&event["session"]["call"]),
        "process.credentials" => text(&event["credentials"]["call"]),
        "process.rename" => text(&event["rename"]["name"]),
        "process.namespace" if event["namespace"]["call"] == "setns" => "setns".into(),
        "process.namespace" => sorted(event["namespace"]["flags"].as_array().unwrap()),
        "process.seccomp" => text(&event["seccomp"]["mode"]),
        "process.signal" => format!("{} {}", text(&event["signal"]["signal"]), target(event)),
        "process.ptrace" => format!("{} nobody", text(&event["ptrace"]["request"])),
        "process.memory_write" => text(&event["memory_write"]["via"]),
        "process.memory_exec" => text(&event["memory_exec"]["call"]),
        "process.exit" => {
            let exit = &event["exit"];
            format!("{} {} {}", exit["code"], exit["signal"], exit["thread"])
        }
        "network.socket" | "network.raw_socket" => {
            let pair = if network["pair"] == true { " pair" } else { "" };
            let name = |field: &str, prefix| text(&network[field]).trim_start_matches(prefix).to_lowercase();
            format!("{} {}{pair}", name("domain", "AF_"), name("socket_type", "SOCK_"))
        }
        "network.bind" | "network.connect" | "network.send" => match &network["address"] {
            unix if unix["family"] == "unix" => text(&unix["path"]),
            inet => format!("{}:{}", text(&inet["address"]), inet["port"]),
        },
        "kernel.keyctl" => text(&event["keyctl"]["operation"]),
        "kernel.bpf" => text(&event["bpf"]["command"]),
        "kernel.module_load" => text(&event["module_load"]["call"]),
        "kernel.kexec" => text(&event["kexec"]["call"]),
        "kernel.io_uring" => {
            let ring = &event["io_uring"];
            let operation = text(&ring["operation"]).trim_start_matches("IORING_OP_").to_lowercase();
            let paths = [&ring["file"]["path"], &ring["to"]["path"]];
            let paths =
                paths.into_iter().filter(|path| !path.is_null()).map(|path| format!(" {}", text(path)));
            operation + &paths.collect::<String>()
        }
        _ => String::new(),
    }
}

/// The object of a told line in the words of [`object`], for a program that acts in `here` and is the file `me`.
pub fn told(kind: &str, object: &str, here: &str, me: &str) -> String {
    let at = |path: &str| join(here, path);
    let pair = || object.split_once(' ').unwrap_or_else(|| panic!("two names in {kind} {object:?}"));
    match (kind, object) {
        ("file.memfd_create", _) | ("file.write", "memfd:inner") => object.into(),
        ("file.open", "self") | ("process.exec", "self by thread") => me.into(),
        ("process.exec", "memfd:inner") => object.into(),
        ("process.exec", "copy deleted") => at("copy"),
        ("file.write", _) => match object.split_once(' ') {
            Some((path, bytes)) => format!("{} {bytes}", at(path)),
            None => at(object),
        },
        ("file.symlink", _) => format!("{} {}", pair().0, at(pair().1)),
        ("file.rename" | "file.link" | "file.pivot_root", _) => format!("{} {}", at(pair().0), at(pair().1)),
        ("process.fork", "thread") => "thread".into(),
        ("process.fork", _) => "process".into(),
        ("process.namespace", "setns") => "setns".into(),
        ("process.namespace", flags) => {
            let flags: Vec<Value> = flags.split('|').map(Value::from).collect();
            sorted(&flags)
        }
        ("process.memory_write", _) => "process_vm_writev".into(),
        ("process.chdir" | "process.chroot" | "process.exec", _) => at(object),
        ("network.socket", "no family") => "46 stream".into(),
        ("network.socket", "socketpair") => "unix stream pair".into(),
        ("network.socket", "unix" | "socketcall unix") => "unix stream".into(),
        ("network.socket", "socketcall inet") => "inet dgram".into(),
        ("network.listen" | "network.accept", _) => String::new(),
        ("network.bind", "127.0.0.1") => "127.0.0.1:0".into(),
        ("network.bind" | "network.connect" | "network.send", _) => {
            object.trim_start_matches("socketcall ").into()
        }
        ("kernel.bpf", _) => "-1".into(),
        // the descriptor alone
        ("kernel.io_uring", "close ring-old") => "close".into(),
        ("kernel.io_uring", _) => match object.split_once(' ') {
            Some((operation, paths)) => {
                paths.split(' ').fold(operation.into(), |all: String, path| format!("{all} {}", at(path)))
            }
            None => object.into(),
        },
        (kind, _) if kind.starts_with("file.") => at(object),
        _ => object.into(),
    }
}

/// `path` below `here`, `.` and `..` folded.
pub fn join(here: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{here}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    format!("/{}", parts.join("/"))
}

/// A text field; the process number of `/proc/PID` is left out, as no program tells its own.
fn text(value: &Value) -> String {
    let Some(text) = value.as_str() else { return value.to_string() };
    match text.strip_prefix("/proc/").and_then(|rest| rest.split_once('/')) {
        Some((pid, rest)) if pid.bytes().all(|b| b.is_ascii_digit()) => format!("/proc/self/{rest}"),
        _ => text.into(),
    }
}

fn target(event: &Value) -> &'static str {
    match event["signal"]["target"].as_i64() {
        Some(0x3fff_fffe) => "nobody",
        target if target == event["process"]["pid"].as_i64() => "self",
        _ => "child",
    }
}

fn sorted(flags: &[Value]) -> String {
    let mut flags: Vec<String> = flags.iter().map(text).collect();
    flags.sort();
    flags.join("|")
}
