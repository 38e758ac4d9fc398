//! `detektr doctor`: what this host can do. Everything is tried, nothing is guessed from a version.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::with_sources;
use crate::terminal::{Out, clean};
use detektr_sensor::ebpf::{EbpfSensor, extras};
use detektr_sensor::ptrace::PtraceSensor;
use detektr_sensor::{Rings, Sensor};
use serde::Serialize;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

/// Try what this host can do; for each missing thing, tell what is lost and how to get it
///
/// The exit code is 0 where a detonation can be run with whole evidence, and 4 where none can.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Check {
    /// A stable name.
    name: String,
    /// It works.
    ok: bool,
    /// No detonation is possible without it.
    required: bool,
    /// What was found, or what the kernel said.
    detail: String,
    /// What is lost without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<String>,
    /// How to get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Runs the command.
pub fn run(_: Args, context: &mut Context) -> Result<u8, Failure> {
    let mut checks = vec![data_folder(context)];
    checks.extend(environment());
    checks.extend(sensors());
    let ready = checks.iter().all(|check| check.ok || !check.required);
    if context.json {
        context.out.document(&serde_json::json!({"ready": ready, "checks": checks}))?;
    } else {
        report(&checks, ready, &mut context.out)?;
    }
    Ok(if ready { exit::OK } else { exit::FAILED })
}

fn report(checks: &[Check], ready: bool, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    for check in checks {
        let mark = match (check.ok, check.required) {
            (true, _) => style.green("ok     "),
            (false, true) => style.red("missing"),
            (false, false) => style.yellow("missing"),
        };
        writeln!(out, "{mark}  {:<24} {}", style.bold(&check.name), clean(&check.detail))?;
        for (label, text) in [("lost", &check.lost), ("remedy", &check.remedy)] {
            if let Some(text) = text.as_ref().filter(|_| !check.ok) {
                // a profile to write stands on lines of its own
                let lines: Vec<String> = text.lines().map(clean).collect();
                writeln!(out, "         {label}: {}", lines.join("\n           "))?;
            }
        }
    }
    let missing = checks.iter().filter(|check| !check.ok).count();
    match (ready, missing) {
        (true, 0) => writeln!(out, "\n{}", style.green("everything works here"))?,
        (true, _) => {
            writeln!(out, "\n{}", style.yellow("detonations work here, with the losses named above"))?
        }
        (false, _) => writeln!(out, "\n{}", style.red("no detonation can be run here"))?,
    }
    Ok(())
}

fn data_folder(context: &Context) -> Check {
    let tried = context.store().and_then(|store| store.prepare().map(|()| shown(store.home())));
    let (ok, detail) = match tried {
        Ok(home) => (true, home),
        Err(failure) => {
            (false, failure.document()["error"]["message"].as_str().unwrap_or_default().to_owned())
        }
    };
    Check {
        name: "data folder".into(),
        ok,
        required: true,
        detail,
        lost: Some("no bundle can be kept".into()),
        remedy: Some("set DETEKTR_HOME to a folder that you may write to".into()),
    }
}

fn environment() -> Vec<Check> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    let tried = detektr_sandbox::probe().checks.into_iter();
    tried
        .map(|check| Check {
            // an environment can do with less of everything but these
            required: match check.name.as_str() {
                "user namespaces" => true,
                "overlay in a user namespace" => !root,
                _ => false,
            },
            name: check.name,
            ok: check.ok,
            detail: check.detail,
            lost: Some(check.lost),
            remedy: Some(check.remedy),
        })
        .collect()
}

fn sensors() -> Vec<Check> {
    let (ebpf, vsock) = match EbpfSensor::load() {
        Ok(sensor) => (loaded(&sensor), Some(vsock_wall(&sensor))),
        Err(e) => (Err(with_sources(&e)), None),
    };
    let ptrace = match PtraceSensor::new() {
        Ok(sensor) => loaded(&sensor),
        Err(e) => Err(with_sources(&e)),
    };
    let none = ebpf.is_err() && ptrace.is_err();
    let check = |name: &str, tried: Result<String, String>, lost: &str, remedy: &str| Check {
        name: name.into(),
        ok: tried.is_ok(),
        required: none,
        detail: tried.unwrap_or_else(|e| e),
        lost: Some(lost.into()),
        remedy: Some(remedy.into()),
    };
    let mut checks = vec![
        check(
            "sensor ebpf",
            ebpf,
            "the artifact is watched by ptrace, which is slower and which it can notice",
            "run as root (or with CAP_BPF and CAP_PERFMON) on kernel 6.1 or newer with BTF (/sys/kernel/btf/vmlinux)",
        ),
        check(
            "sensor ptrace",
            ptrace,
            "where the ebpf sensor can't be loaded either, nothing can be watched",
            "allow tracing of own children: sysctl kernel.yama.ptrace_scope at most 2, and a container runtime whose \
             seccomp profile allows ptrace",
        ),
        Check {
            name: "extra BPF hooks".into(),
            ok: true,
            required: false,
            detail: extra_hooks(),
            lost: None,
            remedy: None,
        },
    ];
    checks.extend(vsock.map(|tried| Check {
        name: "wall against AF_VSOCK".into(),
        ok: tried.is_ok(),
        required: false,
        detail: tried.unwrap_or_else(|why| why),
        lost: Some(
            "with the ebpf sensor, io_uring is refused to artifacts (ENOSYS), for a chain of its operations could send content \
             to the hypervisor; and 32-bit programs get no socket by socketcall, as a race could get a request of connection there"
                .into(),
        ),
        remedy: Some("use a kernel that takes fmod_ret programs, or the ptrace sensor (--sensor ptrace), which refuses io_uring too; `io_uring: \
             allow` in a profile lets rings run, at that risk".into()),
    }));
    checks
}

/// Whether AF_VSOCK is refused in every way, or why its openers can only be killed.
fn vsock_wall(sensor: &dyn Sensor) -> Result<String, String> {
    let description = sensor.describe();
    if let Some(hook) = description.hooks.iter().find(|hook| hook.starts_with("fmod_ret/")) {
        return Ok(format!("refused, by {hook}"));
    }
    match description.rings {
        Rings::Leak(why) => Err(format!("no program in the kernel can refuse it ({why})")),
        Rings::Contained | Rings::Refused => Ok("this host has no AF_VSOCK".into()),
    }
}

/// Hooks that the ebpf sensor could see more by. It uses none for that, so nothing is lost without them.
fn extra_hooks() -> String {
    let extras = extras();
    let told: Vec<String> = extras
        .iter()
        .map(|extra| match &extra.tried {
            Ok(()) => format!("{}: works", extra.name),
            Err(why) => format!("{}: {why}", extra.name),
        })
        .collect();
    format!("none is used; {}", told.join("; "))
}

fn loaded(sensor: &dyn Sensor) -> Result<String, String> {
    let description = sensor.describe();
    Ok(match description.load_us {
        0 => format!("works; {}", description.hooks.join(", ")),
        us => format!("{} hooks, loaded in {} ms", description.hooks.len(), us / 1000),
    })
}
