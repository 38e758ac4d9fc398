//! An environment that is paused (`cgroup.freeze`), as a sensor does that has to catch up.

use crate::common::{plan, processes_with, skipped_without_root, until, work};
use detektr_sandbox::controls::monitor::When;
use detektr_sandbox::{EndState, Environment, Program, RunAs, Shut, Watcher};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Ticks of the wait, far more than two looks at who is there.
const SOME: usize = 15;

#[test]
fn what_watches_does_not_rest_while_it_is_paused() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let plan = plan(folder.path(), RunAs::Root);
    let mut environment = Environment::create(&plan).expect("create");
    let Some(cgroup) = environment.cgroup().map(ToOwned::to_owned) else {
        eprintln!("skipped: there is no cgroup of version 2 here");
        return;
    };
    let mut out = tempfile::tempfile().expect("a file for output");
    let null = || File::options().read(true).write(true).open("/dev/null").expect("null").into();
    let mark = format!("/var/tmp/go-{}", plan.run);
    // busy until the file is there
    let watches = format!("while [ ! -e {mark} ]; do :; done; echo seen; exec sleep 300");
    let line = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<_>>();
    let attack = environment.launch(Program {
        argv: line(&["sleep", "300"]),
        cwd: None,
        stdin: null(),
        stdout: null(),
        stderr: null(),
        filter: None,
        shut: Shut::default(),
        setup: Vec::new(),
        monitors: vec![Watcher {
            when: When::Beside,
            setup: Vec::new(),
            argv: line(&["sh", "-c", &watches]),
            output: out.try_clone().expect("dup").into(),
            ready: None,
            settle: None,
        }],
    });
    let attack = Pid::from_raw(attack.expect("launch").pid as i32).expect("a number");
    environment.release().expect("release");
    let mut tick = 0;
    let mut watch = || {
        let words = fs::read_to_string(format!("/proc/{attack}/cmdline")).unwrap_or_default();
        match tick {
            0 if !words.starts_with("sleep") => return ControlFlow::Continue(()),
            0 => {
                fs::write(cgroup.join("cgroup.freeze"), "1").expect("pause");
                let events = cgroup.join("cgroup.events");
                let paused = || fs::read_to_string(&events).expect("its state").contains("frozen 1");
                assert!(until(60, paused));
                kill_process(attack, Signal::KILL).expect("end the attack");
            }
            SOME => fs::write(cgroup.join("cgroup.freeze"), "0").expect("go on"),
            _ if tick == 2 * SOME => {
                let watcher = processes_with(&mark);
                let watcher = watcher.first().expect("what watches was ended though it was busy");
                File::create(format!("/proc/{watcher}/root{mark}")).expect("a file inside");
            }
            _ => {}
        }
        tick += 1;
        ControlFlow::Continue(())
    };
    let ended = environment.wait(Instant::now() + Duration::from_secs(60), &mut watch);
    assert_eq!(ended.state, EndState::Completed, "{ended:?}");
    assert!(ended.watchers[0].whole, "{ended:?}");
    let mut text = String::new();
    out.rewind().expect("rewind");
    out.read_to_string(&mut text).expect("read output");
    assert_eq!(text, "seen\n");
    environment.destroy().expect("destroy");
}
