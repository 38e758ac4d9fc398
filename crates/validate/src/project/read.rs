//! From the tree of a project file to its settings.

use super::{KEYS, Project, Settings};
use crate::file::{FileError, LEVELS, VERSION};
use detektr_yaml::{Node, Reader, Value};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The keys of a profile.
pub(super) const SETTINGS: &[&str] = &[
    "jobs",
    "repeat",
    "retries",
    "baseline",
    "patterns",
    "atomics",
    "env",
    "fail_on",
    "require_benign",
    "junit",
    "markdown",
    "sarif",
    "gitlab",
    "out",
];

/// The project in `text`, the content of `path`.
pub(super) fn project(path: &Path, text: &str) -> Result<Project, FileError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    FileError::parse("project file", path, text, |reader, node| whole(reader, node, folder))
}

fn whole(reader: &mut Reader, node: &Node, folder: &Path) -> Option<Project> {
    let mut project = Project::default();
    let entries = reader.map(node, "a project file")?;
    reader.version(node, entries, "a project file", VERSION);
    for (key, value) in entries {
        match key.text.as_str() {
            "detektr" => {}
            "profiles" => {
                for (name, value) in reader.map(value, "`profiles`")? {
                    let settings = settings(reader, value, folder);
                    project.profiles.insert(name.text.clone(), settings.unwrap_or_default());
                }
            }
            _ => reader.unknown(key, "a project file", KEYS),
        }
    }
    Some(project)
}

fn settings(reader: &mut Reader, node: &Node, folder: &Path) -> Option<Settings> {
    let mut settings = Settings::default();
    for (key, value) in reader.map(node, "a profile")? {
        let name = key.text.as_str();
        match name {
            "jobs" => settings.jobs = number(reader, value, name, 1..=64),
            "repeat" => settings.repeat = number(reader, value, name, 1..=1000),
            "retries" => settings.retries = number(reader, value, name, 0..=10),
            "baseline" => settings.baseline = file(reader, value, name, folder),
            "patterns" => settings.patterns = folders(reader, value, folder),
            "atomics" => settings.atomics = file(reader, value, name, folder),
            "env" => settings.env = file(reader, value, name, folder),
            "fail_on" => settings.fail_on = reader.choice(value, name, LEVELS).map(String::from),
            "require_benign" => settings.require_benign = reader.truth(value, name),
            "junit" => settings.junit = file(reader, value, name, folder),
            "markdown" => settings.markdown = file(reader, value, name, folder),
            "sarif" => settings.sarif = file(reader, value, name, folder),
            "gitlab" => settings.gitlab = file(reader, value, name, folder),
            "out" => settings.out = file(reader, value, name, folder),
            _ => reader.unknown(key, "a profile", SETTINGS),
        }
    }
    Some(settings)
}

fn number<T: TryFrom<u32>>(
    reader: &mut Reader,
    node: &Node,
    name: &str,
    range: RangeInclusive<u32>,
) -> Option<T> {
    let text = reader.scalar(node, name, "a number")?;
    match text.parse::<u32>() {
        Ok(number) if range.contains(&number) => T::try_from(number).ok(),
        _ => {
            let help = format!("write {} to {}", range.start(), range.end());
            reader.problem(node, "range", format!("`{name}: {text}` is no such number"), help);
            None
        }
    }
}

fn folders(reader: &mut Reader, node: &Node, folder: &Path) -> Vec<PathBuf> {
    let each = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    each.iter().filter_map(|item| file(reader, item, "patterns", folder)).collect()
}

fn file(reader: &mut Reader, node: &Node, name: &str, folder: &Path) -> Option<PathBuf> {
    let text = reader.scalar(node, name, "a path")?;
    if text.is_empty() {
        reader.problem(node, "value", format!("`{name}` names nothing"), "name a file or folder");
        return None;
    }
    Some(folder.join(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Project, FileError> {
        project(Path::new("/p/detektr.yaml"), text)
    }

    #[test]
    fn a_profile_goes_before_the_default_and_paths_are_relative_to_the_file() {
        let project = parse(
            "detektr: 1\nprofiles:\n  default: {jobs: 2, junit: out/j.xml}\n  ci: {jobs: 4, baseline: known.yaml}\n\
             \x20 night: {repeat: 5}\n",
        )
        .unwrap();
        let of = |name: &str| project.settings(name).unwrap();
        assert_eq!((of("default").jobs, of("ci").jobs, of("night").jobs), (Some(2), Some(4), Some(2)));
        assert_eq!(of("ci").baseline, Some("/p/known.yaml".into()));
        assert_eq!(of("ci").junit, Some("/p/out/j.xml".into()));
        assert_eq!((of("default").repeat, of("night").repeat), (None, Some(5)));
        assert!(project.settings("nigth").unwrap_err().contains("`night`"));
    }

    #[test]
    fn default_and_ci_are_there_without_being_written() {
        let project = parse("detektr: 1\n").unwrap();
        assert_eq!(project.settings("ci"), Ok(Settings::default()));
        assert!(project.settings("night").unwrap_err().contains("`ci`"));
    }

    #[test]
    fn a_mistake_is_told_with_line_column_and_remedy() {
        for (text, place, help) in [
            ("detektr: 1\nprofile: {}\n", "2:1", "did you mean `profiles`?"),
            ("detektr: 1\nprofiles:\n  ci: {job: 2}\n", "3:8", "did you mean `jobs`?"),
            ("detektr: 1\nprofiles:\n  ci: {jobs: 65}\n", "3:14", "write 1 to 64"),
            ("detektr: 1\nprofiles:\n  ci: {retries: -1}\n", "3:17", "write 0 to 10"),
            ("detektr: 1\nprofiles:\n  ci: {fail_on: hihg}\n", "3:17", "did you mean `high`?"),
            ("detektr: 1\nprofiles:\n  ci: {junit: ''}\n", "3:15", "name a file"),
            ("detektr: 2\n", "1:10", "or rewrite it"),
            ("profiles: {}\n", "1:1", "begin the file with `detektr: 1`"),
        ] {
            match parse(text) {
                Err(FileError::Invalid { problems, .. }) => {
                    let told = &problems[0];
                    assert_eq!(format!("{}:{}", told.line, told.column), place, "{text}");
                    assert!(told.help.as_deref().unwrap_or_default().contains(help), "{told:?}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
