//! The data folder: where runs, keys and work in progress live, and which run a word means.
//!
//! `$DETEKTR_HOME`, else `$XDG_DATA_HOME/detektr`, else `~/.local/share/detektr`. Below it: `runs/RUN/` (one
//! bundle each), `work/` (environments in use), `keys/`.

use crate::failure::{Failure, shown};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The data folder.
#[derive(Clone, Debug)]
pub struct Store {
    home: PathBuf,
}

/// A run of the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Its bundle.
    pub path: PathBuf,
    /// When it was written last.
    pub written: SystemTime,
    /// It was never sealed: it is being written, or its recording was cut off.
    pub partial: bool,
}

/// How the folder of a run that is not sealed ends.
const PARTIAL: &str = ".partial";

impl Store {
    /// The data folder that the environment variables name.
    pub fn from_env() -> Result<Self, Failure> {
        let store = Store::choose(|name| std::env::var_os(name))?;
        // environments and results name it
        match store.home.to_str() {
            Some(_) => Ok(store),
            None => {
                let what = format!("the path of the data folder {} is not UTF-8", shown(&store.home));
                Err(Failure::usage("detektr::home", what).help("set DETEKTR_HOME to another folder"))
            }
        }
    }

    fn choose(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(home) = folder("DETEKTR_HOME") {
            // a relative folder would be another one in each working directory that a helper has
            return std::path::absolute(&home).map(|home| Store { home }).map_err(|e| {
                Failure::usage(
                    "detektr::home",
                    "the working directory is gone, and $DETEKTR_HOME is relative",
                )
                .because(e)
                .help("set DETEKTR_HOME to an absolute path")
            });
        }
        let base = folder("XDG_DATA_HOME").filter(|path| path.is_absolute()).or_else(|| {
            folder("HOME").filter(|path| path.is_absolute()).map(|home| home.join(".local/share"))
        });
        match base {
            Some(base) => Ok(Store { home: base.join("detektr") }),
            None => Err(Failure::usage(
                "detektr::home",
                "there is no data folder: neither DETEKTR_HOME, XDG_DATA_HOME nor HOME is set",
            )
            .help("set DETEKTR_HOME to a folder that you may write to")),
        }
    }

    /// The folder itself.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Where the bundles are.
    pub fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    /// Makes the data folder where there is none, and checks that it can be written to.
    pub fn prepare(&self) -> Result<(), Failure> {
        let refused = |path: &Path, e: io::Error| {
            let help = match e.kind() {
                io::ErrorKind::StorageFull => {
                    "make room on that file system, or set DETEKTR_HOME to another folder"
                }
                _ => {
                    "give yourself write permission there, or set DETEKTR_HOME to a folder that you may write to"
                }
            };
            Failure::usage("detektr::home", format!("can't write to the data folder {}", shown(path)))
                .because(e)
                .help(help)
        };
        for folder in [self.home.clone(), self.runs(), self.home.join("work")] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|e| refused(&folder, e))?;
        }
        for folder in [self.runs(), self.home.join("work")] {
            // permission bits don't tell of read-only mounts and quotas: try it; one name for all, so that what a
            // kill leaves goes at the next start
            let probe = folder.join(".probe");
            let tried = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&probe);
            tried.map_err(|e| refused(&folder, e))?;
            match fs::remove_file(&probe) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(refused(&folder, e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// All runs, the newest first.
    pub fn list(&self) -> Result<Vec<Stored>, Failure> {
        let runs = self.runs();
        let unreadable = |e: io::Error| {
            Failure::usage("detektr::home", format!("can't read the data folder {}", shown(&runs)))
                .because(e)
                .help("give yourself permission to read it, or set DETEKTR_HOME to another folder")
        };
        let entries = match fs::read_dir(&runs) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unreadable(e)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let partial = name.ends_with(PARTIAL);
            let id = name.strip_suffix(PARTIAL).unwrap_or(&name).to_owned();
            if id.starts_with('.') || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            let time = |file: &Path| fs::metadata(file).and_then(|m| m.modified()).ok();
            let written =
                time(&path.join("manifest.json")).or_else(|| time(&path)).unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Stored { id, path, written, partial });
        }
        found.sort_by(|a, b| b.written.cmp(&a.written).then_with(|| b.id.cmp(&a.id)));
        Ok(found)
    }

    /// The bundle that `run` means: `last`, an id, a unique prefix of one, or a path.
    pub fn find(&self, run: &OsStr) -> Result<PathBuf, Failure> {
        // what has a slash is a path and nothing else, so that no file of the working directory hides a run
        if run.as_bytes().contains(&b'/') {
            return existing(Path::new(run));
        }
        if let Some(stored) = self.stored(run)? {
            return Ok(stored.path);
        }
        let path = Path::new(run);
        if !run.is_empty() && path.exists() { Ok(path.to_owned()) } else { Err(self.unknown(run)) }
    }

    /// The run of this data folder that `run` means, which is never a path.
    pub fn find_stored(&self, run: &OsStr) -> Result<Stored, Failure> {
        self.stored(run)?.ok_or_else(|| self.unknown(run))
    }

    fn stored(&self, run: &OsStr) -> Result<Option<Stored>, Failure> {
        let mut runs = self.list()?;
        if run == "last" {
            return runs.into_iter().find(|stored| !stored.partial).map(Some).ok_or_else(|| {
                Failure::usage("detektr::run::none", "there is no run yet")
                    .help("make one: detektr detonate ARTIFACT")
            });
        }
        let Some(word) = run.to_str().filter(|word| !word.is_empty()) else { return Ok(None) };
        if let Some(exact) = runs.iter().position(|stored| stored.id == word) {
            return Ok(Some(runs.swap_remove(exact)));
        }
        let fitting: Vec<Stored> = runs.into_iter().filter(|stored| stored.id.starts_with(word)).collect();
        match fitting.len() {
            0 => Ok(None),
            1 => Ok(fitting.into_iter().next()),
            many => {
                let ids: Vec<&str> = fitting.iter().take(5).map(|stored| stored.id.as_str()).collect();
                let dots = if many > ids.len() { ", …" } else { "" };
                Err(Failure::usage("detektr::run::ambiguous", format!("{many} runs begin with `{word}`"))
                    .help(format!("write more of the id: {}{dots}", ids.join(", "))))
            }
        }
    }

    fn unknown(&self, run: &OsStr) -> Failure {
        Failure::usage("detektr::run::unknown", format!("no run `{}` in {}", shown(Path::new(run)), shown(&self.runs())))
            .help("`detektr runs` lists them; a run is named by its id, a unique beginning of it, `last`, or a path")
    }
}

fn existing(path: &Path) -> Result<PathBuf, Failure> {
    match fs::metadata(path) {
        Ok(_) => Ok(path.to_owned()),
        Err(e) => Err(Failure::usage("detektr::run::unknown", format!("no bundle at {}", shown(path)))
            .because(e)
            .help("name a bundle's folder or its .tar.zst")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn store(ids: &[&str]) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { home: folder.path().to_owned() };
        for (age, id) in ids.iter().enumerate() {
            let run = store.runs().join(id);
            fs::create_dir_all(&run).unwrap();
            let manifest = fs::File::create(run.join("manifest.json")).unwrap();
            manifest.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + age as u64)).unwrap();
        }
        (folder, store)
    }

    fn found(store: &Store, word: &str) -> Result<String, String> {
        store
            .find_stored(OsStr::new(word))
            .map(|s| s.id)
            .map_err(|f| f.document()["error"]["code"].as_str().unwrap().into())
    }

    #[test]
    fn a_run_is_found_by_id_by_unique_prefix_and_as_the_last_one() {
        let (_folder, store) = store(&["abc1", "abd2", "ab", "zz"]);
        assert_eq!(found(&store, "abc1"), Ok("abc1".into()));
        assert_eq!(found(&store, "abd"), Ok("abd2".into()));
        assert_eq!(found(&store, "ab"), Ok("ab".into()), "a whole id wins over longer ones that begin so");
        assert_eq!(found(&store, "last"), Ok("zz".into()));
    }

    #[test]
    fn an_ambiguous_and_an_unknown_run_are_told_apart() {
        let (_folder, store) = store(&["abc1", "abd2"]);
        assert_eq!(found(&store, "ab"), Err("detektr::run::ambiguous".into()));
        assert_eq!(found(&store, "q"), Err("detektr::run::unknown".into()));
        assert_eq!(found(&store, ""), Err("detektr::run::unknown".into()));
        assert_eq!(found(&store, "../runs/abc1"), Err("detektr::run::unknown".into()));
        let (_folder, empty) = self::store(&[]);
        assert_eq!(found(&empty, "last"), Err("detektr::run::none".into()));
    }

    #[test]
    fn the_last_run_is_never_one_that_was_not_sealed() {
        let (_folder, store) = store(&["abc1", "zz.partial"]);
        assert_eq!(found(&store, "last"), Ok("abc1".into()));
        assert_eq!(found(&store, "zz"), Ok("zz".into()));
        assert!(store.list().unwrap()[0].partial);
    }

    #[test]
    fn a_word_with_a_slash_is_a_path_only() {
        let (folder, store) = store(&["abc1"]);
        assert_eq!(store.find(folder.path().as_os_str()).unwrap(), folder.path());
        assert!(store.find(OsStr::new("/nowhere/at/all")).is_err());
        assert!(store.find(OsStr::new("./abc1")).is_err());
    }

    #[test]
    fn the_data_folder_follows_its_variables_in_order() {
        let chosen = |set: &[(&str, &str)]| {
            Store::choose(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into())).map(|s| s.home)
        };
        let all = [("DETEKTR_HOME", "/d"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(chosen(&all).unwrap(), Path::new("/d"));
        assert_eq!(chosen(&all[1..]).unwrap(), Path::new("/x/detektr"));
        assert_eq!(chosen(&all[2..]).unwrap(), Path::new("/h/.local/share/detektr"));
        assert_eq!(
            chosen(&[("DETEKTR_HOME", ""), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.local/share/detektr")
        );
        assert_eq!(
            chosen(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.local/share/detektr")
        );
        assert!(chosen(&[]).is_err());
    }

    #[test]
    fn a_data_folder_below_a_file_is_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        let failure = Store { home: folder.path().join("file/home") }.prepare().unwrap_err();
        assert_eq!(failure.exit(), crate::exit::USAGE);
        assert!(failure.document()["error"]["help"].as_str().unwrap().contains("DETEKTR_HOME"));
    }
}
