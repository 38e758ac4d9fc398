//! A place for one test: its own copy of the binary and its own data folder, by which everything that belongs to
//! the test is told apart from the rest of the host.

use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The ordinary user that tests become, where root runs them.
pub const NOBODY: u32 = 65_534;
/// How long one run of the binary may take on a busy machine before it counts as hung.
const HUNG: Duration = Duration::from_secs(120);

/// Who runs Detektr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Root of the host.
    Root,
    /// An ordinary user.
    Ordinary,
}

/// Both, where the tests run as root; else whoever runs them.
pub fn everyone() -> Vec<Who> {
    if is_root() {
        vec![Who::Root, Who::Ordinary]
    } else {
        eprintln!("skipped: without root, only an ordinary user's runs are tried");
        vec![Who::Ordinary]
    }
}

/// Whether a test that needs root must be left out; says so.
pub fn without_root() -> bool {
    let without = !is_root();
    if without {
        eprintln!("skipped: this needs root");
    }
    without
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// The place of one test; it goes away with it.
pub struct Place {
    who: Who,
    folder: tempfile::TempDir,
}

/// What a run of the binary said.
#[derive(Debug)]
pub struct Told {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Place {
    /// A new place for runs by `who`.
    pub fn new(who: Who) -> Self {
        let folder = tempfile::Builder::new().prefix("detektr-abuse-").tempdir().unwrap();
        open_up(folder.path(), 0o755);
        let place = Place { who, folder };
        // by another program: a child that a neighbouring test forks meanwhile must not hold it open for writing
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_detektr")).arg(place.binary()).status();
        assert!(copied.unwrap().success());
        open_up(&place.binary(), 0o755);
        fs::create_dir(place.home()).unwrap();
        if who == Who::Ordinary && is_root() {
            std::os::unix::fs::chown(place.home(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        place
    }

    /// Who runs here.
    pub fn who(&self) -> Who {
        self.who
    }

    /// This place's own copy of the binary.
    pub fn binary(&self) -> PathBuf {
        self.path("detektr")
    }

    /// The data folder.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// A name in this place, outside of the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An executable file here, that everybody may read.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        open_up(&path, 0o755);
        path
    }

    /// The binary, ready for arguments.
    pub fn command(&self) -> Command {
        self.command_of(&self.binary())
    }

    /// Another program as this place's user, with the same variables.
    pub fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DETEKTR_HOME", self.home());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if self.who == Who::Ordinary && is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Runs the binary to its end.
    pub fn detektr<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Told {
        finish(spawn(self.command().args(args)))
    }

    /// `detonate --json` with `args`, to its end.
    pub fn detonate(&self, args: &[&str]) -> Told {
        finish(spawn(&mut self.detonation(args)))
    }

    /// `detonate --json` with `args`, ready. The artifact's processes bear the name of this place.
    pub fn detonation(&self, args: &[&str]) -> Command {
        let mut command = self.command();
        let place = format!("PLACE={}", self.folder.path().display());
        command.args(["detonate", "--json", "--setenv", &place]).args(args);
        command
    }

    /// Names in a folder of the data folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.home().join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Ids of runs of this place, sealed or not.
    pub fn ids(&self) -> BTreeSet<String> {
        let runs = self.names("runs").into_iter().chain(self.names("work"));
        let runs = runs.filter(|name| !name.starts_with('.'));
        runs.map(|name| name.trim_end_matches(".partial").to_owned()).collect()
    }

    /// Processes that belong here: of this copy of the binary, or with this place in their variables or words.
    pub fn processes(&self) -> Vec<Process> {
        let binary = fs::metadata(self.binary()).map(|m| (m.dev(), m.ino())).ok();
        let mark = self.folder.path().to_string_lossy().into_owned();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
                let text = |name| {
                    fs::read(entry.path().join(name)).map(|b| String::from_utf8_lossy(&b).replace('\0', " "))
                };
                let exe = fs::metadata(entry.path().join("exe")).map(|m| (m.dev(), m.ino())).ok();
                let words = text("cmdline").unwrap_or_default();
                let ours = words.contains(&mark)
                    || (exe.is_some() && exe == binary)
                    || text("environ").is_ok_and(|variables| variables.contains(&mark));
                (ours && pid != std::process::id()).then_some(Process { pid, words })
            })
            .collect()
    }

    /// What of this place is left outside of `runs/`: processes, mounts, cgroups, temporary files.
    pub fn left(&self) -> Vec<String> {
        let processes = self.processes().into_iter().map(|p| format!("process {} {}", p.pid, p.words));
        let mark = self.folder.path().to_string_lossy().into_owned();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mounts = mounts.lines().filter(|line| line.contains(&mark)).map(|line| format!("mount {line}"));
        let cgroups =
            self.ids().into_iter().flat_map(|id| cgroups_of(&id)).map(|path| format!("cgroup {path}"));
        // a probe of the data folder, cut off, goes at the next start
        let work = self.names("work").into_iter().filter(|name| name != ".probe");
        let files = work.map(|name| format!("file work/{name}"));
        processes.chain(mounts).chain(cgroups).chain(files).collect()
    }

    /// Checks that within 2 seconds (of a machine that has nothing else to do) nothing is left outside of `runs/`.
    pub fn is_clean(&self, after: &str) {
        let clean = until(Duration::from_secs(2).mul_f64(crowding()), || self.left().is_empty());
        assert!(clean, "{:?}, after {after}: {:#?}", self.who, self.left());
    }

    /// A file of a bundle.
    pub fn bundle_file(document: &Value, name: &str) -> String {
        let path = Path::new(document["bundle"].as_str().unwrap()).join(name);
        String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
    }

    /// The manifest of the run that `document` tells of.
    pub fn manifest(document: &Value) -> Value {
        serde_json::from_str(&Self::bundle_file(document, "manifest.json")).unwrap()
    }
}

impl Drop for Place {
    /// A test that failed must not leave its processes to the host.
    fn drop(&mut self) {
        // the reapers stay: they end by themselves, and remove what is left
        for process in self.processes().into_iter().filter(|process| !process.words.contains("__reaper")) {
            let _ =
                Command::new("kill").args(["-KILL", &process.pid.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

/// A process of the host.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub words: String,
}

impl Told {
    /// Checks the exit code, showing everything where it is another.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Starts a command with its output caught.
pub fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a started binary; one that hangs is killed, and the test fails.
pub fn finish(mut child: Child) -> Told {
    let began = Instant::now();
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                pipe.read_to_end(&mut bytes).unwrap();
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let mut status = None;
    until(HUNG, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let Some(status) = status else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("it hangs: {}\n{}", stdout.join().unwrap(), stderr.join().unwrap());
    };
    let took = began.elapsed();
    let code =
        std::os::unix::process::ExitStatusExt::signal(&status).map_or(status.code().unwrap_or(-1), |s| -s);
    Told { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap(), took }
}

/// So many seconds of a machine that has nothing else to do, for `--timeout`.
pub fn seconds(count: u64) -> String {
    let time = Duration::from_secs(count).mul_f64(crowding()).min(Duration::from_secs(10));
    format!("{}s", time.as_secs())
}

/// How many programs share a processor here; at least one.
fn crowding() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running: f64 = load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    (running / processors).max(1.0)
}

/// Polls `condition` until it holds; whether it did in time.
pub fn until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The cgroups of a run, in every hierarchy.
pub fn cgroups_of(run: &str) -> Vec<String> {
    let name = format!("detektr-{run}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let roots =
        mounts.lines().filter(|line| line.contains(" - cgroup")).filter_map(|line| line.split(' ').nth(4));
    let mut todo: Vec<PathBuf> = roots.map(PathBuf::from).collect();
    let mut found = Vec::new();
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name() == *name {
                found.push(entry.path().to_string_lossy().into_owned());
            }
            todo.push(entry.path());
        }
    }
    found
}

/// Sets permission bits.
pub fn open_up(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
