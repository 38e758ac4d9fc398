//! A small supervisor for the tests: `helper RUN WORK root|user ARGV…` runs one program in an environment and
//! prints how it ended. It also plays the hidden parts.

use detektr_sandbox::{
    Addresses, Environment, Identity, Limits, Plan, Program, Rootfs, RunAs, Shut, default_set, init_main,
    is_init, use_subordinate_ids,
};
use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<OsString> = std::env::args_os().collect();
    if is_init(&args) {
        init_main();
    }
    if args.get(1).is_some_and(|a| a == "probe") {
        for check in detektr_sandbox::probe().checks {
            println!("{} {}: {}", if check.ok { "yes" } else { "no" }, check.name, check.detail);
        }
        return Ok(());
    }
    use_subordinate_ids();
    let [_, run, work, user, argv @ ..] = args.as_slice() else {
        return Err("usage: helper RUN WORK root|user ARGV…".into());
    };
    let run = run.to_string_lossy().into_owned();
    let identity = Identity::from_seed(1);
    let seconds = std::env::var("HELPER_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20);
    let processes = std::env::var("HELPER_PROCESSES").ok().and_then(|s| s.parse().ok()).unwrap_or(1024);
    let plan = Plan {
        run,
        work: PathBuf::from(work),
        rootfs: std::env::var_os("HELPER_ROOTFS").map_or(Rootfs::Host, |d| Rootfs::Dir(d.into())),
        user: if user == "root" { RunAs::Root } else { RunAs::User },
        limits: Limits { processes, ..Limits::default() },
        baits: default_set(1, &identity),
        identity,
        setenv: Vec::new(),
        controls: Vec::new(),
        network: std::env::var_os("HELPER_NETWORK").map(|_| Addresses {
            v4: [192, 168, 7, 2].into(),
            gateway4: [192, 168, 7, 1].into(),
            v6: [0xfd00, 0, 0, 0, 0, 0, 0, 2].into(),
            gateway6: [0xfd00, 0, 0, 0, 0, 0, 0, 1].into(),
        }),
        hide: Vec::new(),
        placed: 0,
    };
    let mut environment = Environment::create(&plan)?;
    let launched = environment.launch(Program {
        argv: argv.to_vec(),
        cwd: None,
        stdin: File::open("/dev/null")?.into(),
        stdout: rustix::io::dup(rustix::stdio::stdout())?,
        stderr: rustix::io::dup(rustix::stdio::stderr())?,
        filter: None,
        shut: Shut::default(),
        setup: Vec::new(),
        monitors: Vec::new(),
    })?;
    environment.release()?;
    let ended =
        environment.wait(Instant::now() + Duration::from_secs(seconds), &mut || ControlFlow::Continue(()));
    if std::env::var_os("HELPER_VERBOSE").is_some() {
        eprintln!("{launched:?}\n{:#?}\n{:?}", environment.description(), environment.acct_records());
    }
    eprintln!("ended: {:?} {:?} {:?} {:?}", ended.state, ended.exit, ended.last_pid, ended.exec_error);
    if let Some(device) = &launched.device {
        let mut buffer = vec![0; 65_536];
        // a packet socket and a TUN device both give one packet a read
        while let Ok(length) = rustix::io::read(&device.fd, &mut buffer[..]) {
            let hex: String = buffer[..length].iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("packet {hex}");
        }
    }
    environment.destroy()?;
    Ok(())
}
