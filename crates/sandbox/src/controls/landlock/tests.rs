//! Rulesets are decided by the kernel's ABI, and answer as the kernel does.

use super::*;
use std::path::Path;

fn landlock(paths: &[(&str, &[&str])]) -> Landlock {
    let paths =
        paths.iter().map(|(word, paths)| ((*word).to_owned(), paths.iter().map(PathBuf::from).collect()));
    Landlock { paths: paths.collect(), ..Landlock::default() }
}

fn decided(landlock: &Landlock) -> Ruleset {
    Ruleset::decide(landlock, Abi::Version(6)).unwrap()
}

#[test]
fn a_right_that_the_kernel_lacks_is_refused_by_name_and_with_both_abis() {
    let wanted = landlock(&[("write", &["/tmp"])]);
    let problems = Ruleset::decide(&wanted, Abi::Version(2)).unwrap_err();
    assert_eq!(problems.len(), 1);
    let (code, what, _) = &problems[0];
    assert_eq!(*code, "landlock_abi");
    assert_eq!(what, "`truncate`, part of `write`, came with Landlock's ABI 3, and this kernel has 2");
    let ports = Landlock { ports: [("bind_tcp".to_owned(), vec![80])].into(), ..Landlock::default() };
    assert!(Ruleset::decide(&ports, Abi::Version(3)).unwrap_err()[0].1.starts_with("`bind_tcp` came with"));
    assert!(Ruleset::decide(&ports, Abi::Version(4)).is_ok());
    let scope = Landlock { scope: vec!["signal".into()], ..Landlock::default() };
    assert!(Ruleset::decide(&scope, Abi::Version(5)).unwrap_err()[0].1.contains("ABI 6"));
}

#[test]
fn a_kernel_without_landlock_refuses_everything() {
    let wanted = landlock(&[("read", &["/"])]);
    assert!(Ruleset::decide(&wanted, Abi::Absent).unwrap_err()[0].1.contains("built without"));
    assert!(Ruleset::decide(&wanted, Abi::Disabled).unwrap_err()[0].1.contains("not switched on"));
}

#[test]
fn what_is_given_beneath_a_path_is_given_below_it_and_nowhere_else() {
    let rules = decided(&landlock(&[("read", &["/usr"]), ("read_dir", &["/"])]));
    let (file, folder) = (bit("read_file"), bit("read_dir"));
    assert!(!rules.denies_path(Path::new("/usr/bin/sh"), file));
    assert!(rules.denies_path(Path::new("/usrlocal"), file), "a name is no path");
    assert!(rules.denies_path(Path::new("/etc/passwd"), file));
    assert!(!rules.denies_path(Path::new("/etc"), folder));
    assert!(!rules.denies_path(Path::new("/etc/passwd"), bit("execute")), "not restricted");
}

#[test]
fn a_file_goes_from_folder_to_folder_only_where_refer_is_given_on_both() {
    let (tmp, home) = (Path::new("/tmp"), Path::new("/home"));
    let without = decided(&landlock(&[("read", &["/"])]));
    assert!(without.denies_refer(tmp, home), "denied wherever files are restricted at all");
    let one = decided(&landlock(&[("refer", &["/tmp"])]));
    assert!(one.denies_refer(tmp, home) && one.denies_refer(home, tmp));
    let both = decided(&landlock(&[("refer", &["/"])]));
    assert!(!both.denies_refer(tmp, home));
    assert!(!decided(&Landlock::default()).denies_refer(tmp, home));
}

#[test]
fn ports_are_told_apart_by_what_is_done() {
    let ports = [("bind_tcp".to_owned(), vec![8080]), ("connect_tcp".to_owned(), vec![])].into();
    let rules = decided(&Landlock { ports, ..Landlock::default() });
    assert!(!rules.denies_bind(8080) && rules.denies_bind(8081) && rules.denies_connect(8080));
    let words = rules.words();
    assert_eq!(words, ["landlock bind_tcp: 8080", "landlock connect_tcp: nowhere"]);
}

#[test]
fn an_unknown_right_is_no_right() {
    let wanted = landlock(&[("fly", &["/"])]);
    assert_eq!(Ruleset::decide(&wanted, Abi::Version(7)).unwrap_err()[0].0, "landlock_right");
}
