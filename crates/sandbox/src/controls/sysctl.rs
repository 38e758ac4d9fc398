//! Kernel parameters of the environment's own namespaces (`sysctl(8)`): set inside, and read back. Those of the whole
//! kernel are refused.

use super::hardening::{Problem, Steps};
use crate::probe;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

type Step = (String, io::Error);

/// Whether a parameter belongs to a namespace: the network's, System V's and POSIX's messages, the user's.
fn is_namespaced(name: &str) -> bool {
    let beginnings = ["net.", "fs.mqueue.", "kernel.shm", "kernel.msg", "user.max_"];
    name == "kernel.sem" || beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// Its file. A name has dots, or slashes where a part of it has a dot.
fn file(name: &str) -> PathBuf {
    let swapped = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    let first = name.find(['.', '/']).map(|at| &name[at..=at]);
    let path: String = if first == Some("/") { name.into() } else { name.chars().map(swapped).collect() };
    Path::new("/proc/sys").join(path)
}

/// Adds the parameters; what is done, in words.
pub(super) fn decide(
    steps: &mut Steps,
    values: &BTreeMap<String, String>,
) -> Result<Vec<String>, Vec<Problem>> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut words = Vec::new();
    for (name, value) in values {
        let dotted = if name.contains('.') { name.clone() } else { name.replace('/', ".") };
        let path = file(name);
        if dotted.split('.').any(|part| part.is_empty())
            || path.components().any(|part| part.as_os_str() == "..")
        {
            let what = format!("`{name}` is no kernel parameter");
            problems.push(("sysctl", what, "write it as in `net.ipv4.ip_forward`".into()));
        } else if !is_namespaced(&dotted) {
            let what = format!("`{name}` is one of the whole kernel, which all runs share with the host");
            problems.push((
                "sysctl_global",
                what,
                "set it on the host, or leave it out: net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and \
                 user.max_* can be set"
                    .into(),
            ));
        } else if let Err(why) = probe::can_write(&path) {
            let what = format!("`{name}` can't be set in a namespace here: {why}");
            problems.push(("sysctl_namespace", what, "check its spelling, or use a newer kernel".into()));
        } else {
            words.push(format!("sysctl {name}: {value}"));
            steps.parameters.insert(path, value.clone());
        }
    }
    if problems.is_empty() { Ok(words) } else { Err(problems) }
}

/// Sets the parameters of this process's namespaces.
pub(crate) fn set(steps: &Steps) -> Result<(), Step> {
    for (path, value) in &steps.parameters {
        let at = |e| (format!("setting {} to {value}", path.display()), e);
        fs::write(path, value).map_err(at)?;
        let read = fs::read_to_string(path).map_err(at)?;
        if !read.split_whitespace().eq(value.split_whitespace()) {
            return Err(at(io::Error::other(format!("the kernel made {:?} of it", read.trim()))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(name: &str) -> Result<Vec<String>, Vec<Problem>> {
        decide(&mut Steps::default(), &[(name.to_owned(), "1".to_owned())].into())
    }

    #[test]
    fn a_name_has_dots_or_slashes() {
        assert_eq!(file("net.ipv4.ip_forward"), Path::new("/proc/sys/net/ipv4/ip_forward"));
        assert_eq!(
            file("net/ipv4/conf/eth0.1/rp_filter"),
            Path::new("/proc/sys/net/ipv4/conf/eth0.1/rp_filter")
        );
        assert_eq!(
            file("net.ipv4.conf.eth0/1.rp_filter"),
            Path::new("/proc/sys/net/ipv4/conf/eth0.1/rp_filter")
        );
    }

    #[test]
    fn what_is_the_whole_kernels_is_refused_by_name() {
        for name in [
            "kernel.yama.ptrace_scope",
            "vm.overcommit_memory",
            "fs.protected_symlinks",
            "kernel/dmesg_restrict",
        ] {
            let problems = decided(name).unwrap_err();
            assert_eq!(problems[0].0, "sysctl_global");
            assert!(problems[0].1.contains(name));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_parameter() {
        for name in ["net...etc", "net/../../etc", "net."] {
            assert_eq!(decided(name).unwrap_err()[0].0, "sysctl", "{name}");
        }
    }
}
