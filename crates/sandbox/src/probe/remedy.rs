//! Why this host makes no environment, and what exactly would help: who refuses namespaces is told by files.

use std::fs;
use std::path::PathBuf;

/// Where the answer is looked for, and whom it is for.
pub(super) struct Host {
    /// The root of the file system that is asked.
    pub root: PathBuf,
    /// The caller is root.
    pub privileged: bool,
    /// This program's own file, which an AppArmor profile names.
    pub program: PathBuf,
}

impl Host {
    /// This one.
    pub fn this() -> Host {
        let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/detektr".into());
        Host { root: "/".into(), privileged: crate::sys::euid() == 0, program }
    }

    /// What would help, with the exact words to use.
    pub fn remedy(&self) -> String {
        if self.chrooted() {
            return "this is a chroot, where the kernel lets nobody make a user namespace; start Detektr outside of it, or enter the \
                    folder by `unshare --mount` and `pivot_root` instead of chroot"
                .into();
        }
        if self.is("proc/sys/user/max_user_namespaces", "0") {
            return "allow user namespaces: sysctl -w user.max_user_namespaces=10000 (on the host, where this is a container)"
                .into();
        }
        if let Some(container) = self.container() {
            return container.flags();
        }
        if self.is("proc/sys/kernel/unprivileged_userns_clone", "0") && !self.privileged {
            return "allow user namespaces to ordinary users: sysctl -w kernel.unprivileged_userns_clone=1; or run as root"
                .into();
        }
        if let Some(remedy) = self.apparmor() {
            return remedy;
        }
        "run as root on a kernel with CONFIG_USER_NS, outside of whatever confines this process (a seccomp filter, a \
         service manager's RestrictNamespaces=)"
            .into()
    }

    /// What gives the data folder a file system that layers can lie on.
    pub fn volume(&self) -> String {
        let run = match self.container() {
            Some(Container::Kubernetes) => {
                return "mount a volume and name it: `volumeMounts: [{name: detektr, mountPath: /data}]` with `volumes: [{name: detektr, \
                        emptyDir: {}}]`, and DETEKTR_HOME=/data"
                    .into();
            }
            Some(Container::Podman) => "podman run",
            Some(Container::Docker) => "docker run",
            _ => return "set DETEKTR_HOME to a folder on a disk, or on a tmpfs".into(),
        };
        format!(
            "put it on a volume: `{run} -v detektr:/data -e DETEKTR_HOME=/data …`, or on a tmpfs: `--tmpfs /data`"
        )
    }

    /// Ubuntu's restriction of user namespaces, and the profile that lifts it for this program alone.
    /// Source: Ubuntu's security documentation on restricted unprivileged user namespaces, apparmor.d(5).
    fn apparmor(&self) -> Option<String> {
        if self.privileged || !self.is("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
            return None;
        }
        let program = self.program.display();
        Some(format!(
            "AppArmor restricts user namespaces here. Lift it for this program alone: write this to /etc/apparmor.d/detektr, \
             then `sudo apparmor_parser -r /etc/apparmor.d/detektr`; or run as root\n\
             abi <abi/4.0>,\n\
             include <tunables/global>\n\
             profile detektr \"{program}\" flags=(unconfined) {{\n  userns,\n}}"
        ))
    }

    /// Whether `/` is no mount point, as in a chroot.
    fn chrooted(&self) -> bool {
        let mounts = fs::read_to_string(self.root.join("proc/self/mountinfo")).unwrap_or_default();
        !mounts.is_empty() && !mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"))
    }

    fn is(&self, file: &str, value: &str) -> bool {
        fs::read_to_string(self.root.join(file)).is_ok_and(|text| text.trim() == value)
    }

    fn container(&self) -> Option<Container> {
        let there = |file: &str| self.root.join(file).exists();
        let manager = fs::read_to_string(self.root.join("run/systemd/container")).unwrap_or_default();
        if there("var/run/secrets/kubernetes.io/serviceaccount")
            || there("run/secrets/kubernetes.io/serviceaccount")
        {
            return Some(Container::Kubernetes);
        }
        if there("run/.containerenv") {
            return Some(Container::Podman);
        }
        if there(".dockerenv") {
            return Some(Container::Docker);
        }
        (!manager.trim().is_empty()).then(|| Container::Other(manager.trim().to_owned()))
    }
}

/// A container, by what made it.
enum Container {
    Docker,
    Podman,
    Kubernetes,
    Other(String),
}

impl Container {
    /// What lets it make namespaces and mount in them: no filter of calls, no profile, and nothing masked in /proc, since
    /// the kernel gives no new /proc to who sees only parts of the old one.
    fn flags(&self) -> String {
        match self {
            Container::Docker => "this is a container: start it with `docker run --user 1000 --security-opt seccomp=unconfined \
                 --security-opt apparmor=unconfined --security-opt systempaths=unconfined …`; as root, and for the ebpf sensor, \
                 `docker run --privileged …`"
                .into(),
            Container::Podman => "this is a container: start it with `podman run --user 1000 --security-opt seccomp=unconfined \
                 --security-opt apparmor=unconfined --security-opt unmask=ALL …`; as root, and for the ebpf sensor, `sudo podman \
                 run --privileged …`"
                .into(),
            Container::Kubernetes => "this is a pod: give its container `securityContext: {runAsUser: 1000, seccompProfile: {type: Unconfined}, \
                 appArmorProfile: {type: Unconfined}, procMount: Unmasked}` (with `hostUsers: false` in the pod); as root, and for the \
                 ebpf sensor, `securityContext: {privileged: true}`"
                .into(),
            Container::Other(name) => format!(
                "this is a container ({name}): let it make user namespaces, mount in them, and see the whole of /proc"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)], privileged: bool) -> String {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Host { root: root.path().into(), privileged, program: "/opt/detektr/bin/detektr".into() }.remedy()
    }

    #[test]
    fn the_remedy_names_who_refuses() {
        let docker = host(&[(".dockerenv", "")], true);
        assert!(docker.contains("--security-opt systempaths=unconfined"), "{docker}");
        let podman = host(&[("run/.containerenv", ""), ("proc/sys/user/max_user_namespaces", "9")], true);
        assert!(podman.contains("--security-opt unmask=ALL"), "{podman}");
        let pod =
            host(&[("var/run/secrets/kubernetes.io/serviceaccount/token", ""), (".dockerenv", "")], false);
        assert!(pod.contains("procMount: Unmasked"), "{pod}");
        assert!(host(&[("run/systemd/container", "lxc\n")], true).contains("(lxc)"));
        let mounts = |at: &str| {
            format!("21 1 0:20 / {at} rw - ext4 /dev/vda rw\n22 21 0:21 / {at}proc rw - proc proc rw\n")
        };
        assert!(host(&[("proc/self/mountinfo", &mounts("/inner/"))], true).contains("`pivot_root`"));
        assert!(!host(&[("proc/self/mountinfo", &mounts("/"))], true).contains("pivot_root"));
        let none = host(&[(".dockerenv", ""), ("proc/sys/user/max_user_namespaces", "0\n")], true);
        assert!(none.contains("user.max_user_namespaces=10000"), "{none}");
        let old = [("proc/sys/kernel/unprivileged_userns_clone", "0\n")];
        assert!(host(&old, false).contains("unprivileged_userns_clone=1"));
        assert!(!host(&old, true).contains("unprivileged_userns_clone"));
    }

    #[test]
    fn apparmors_restriction_is_lifted_for_this_program_alone() {
        let restricted = [("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")];
        let remedy = host(&restricted, false);
        assert!(
            remedy.contains("profile detektr \"/opt/detektr/bin/detektr\" flags=(unconfined)"),
            "{remedy}"
        );
        assert!(remedy.contains("\n  userns,\n}"), "{remedy}");
        assert!(!remedy.contains("sysctl"), "{remedy}");
        // root is not restricted
        assert!(!host(&restricted, true).contains("profile"));
        assert!(
            !host(&[("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n")], false)
                .contains("profile")
        );
    }
}
