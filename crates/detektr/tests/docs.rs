//! The commands of docs/validation.md and docs/pipelines.md do what the pages say: each is run, in order, and its exit code compared.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One command of the page.
#[derive(Debug, PartialEq)]
struct Told {
    line: usize,
    words: Vec<String>,
    code: i32,
}

/// The commands in fenced blocks marked `console`: lines that begin with `$ detektr`. A line `# exit code N` after one
/// tells its code, else it is 0.
fn commands(page: &str) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ detektr ") {
            let words = command.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect();
            told.push(Told { line: at + 1, words, code: 0 });
        } else if inside && let Some(code) = line.strip_prefix("# exit code ") {
            told.last_mut().expect("a command before its exit code").code = code.parse().expect("a number");
        }
    }
    told
}

/// A path that ends with `*` is what begins so in `place`, as a shell does it.
fn expanded(word: &str, place: &Path) -> String {
    let Some(beginning) = word.strip_suffix('*').filter(|path| path.contains('/')) else {
        return word.to_owned();
    };
    let (folder, beginning) = beginning.rsplit_once('/').expect("it has a slash");
    let mut names: Vec<String> = fs::read_dir(place.join(folder))
        .unwrap_or_else(|e| panic!("{folder}: {e}"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(beginning))
        .collect();
    names.sort();
    assert_eq!(names.len(), 1, "{word}");
    format!("{folder}/{}", names.remove(0))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_command_of_the_pages_on_validation_exits_as_the_page_says() {
    let of = |name: &'static str| {
        let found = commands(&fs::read_to_string(workspace().join("docs").join(name)).unwrap());
        assert!(found.len() > 4, "only {} commands were found in {name}", found.len());
        found.into_iter().map(move |told| (name, told))
    };
    let commands: Vec<_> = of("validation.md").chain(of("pipelines.md")).collect();
    let place = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("detektr");
    fs::copy(env!("CARGO_BIN_EXE_detektr"), &program).unwrap();
    copy(&workspace().join("examples"), &place.path().join("examples"));
    let detektr = |words: &[String]| {
        let mut command = Command::new(&program);
        command.args(words).current_dir(place.path()).env("DETEKTR_HOME", place.path().join("home"));
        command.env("NO_COLOR", "1").output().unwrap()
    };
    let doctor = detektr(&["doctor".to_owned(), "--json".to_owned()]);
    if doctor.status.code() != Some(0) {
        eprintln!("skipped: environments can't be made here (detektr doctor tells why)");
        return;
    }
    for (name, told) in commands {
        let words: Vec<String> = told.words.iter().map(|word| expanded(word, place.path())).collect();
        let said = detektr(&words);
        assert_eq!(
            said.status.code(),
            Some(told.code),
            "docs/{name}:{}: detektr {}\n{}{}",
            told.line,
            words.join(" "),
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
    }
}

#[test]
fn a_command_is_found_with_its_line_and_its_exit_code() {
    let page = "text\n```console\n$ detektr validate a --only 'b:*'\n# exit code 2\n$ detektr runs\n```\n$ detektr rm x\n";
    let told =
        |line, words: &str, code| Told { line, words: words.split(' ').map(String::from).collect(), code };
    assert_eq!(commands(page), [told(3, "validate a --only b:*", 2), told(5, "runs", 0)]);
}
