//! Manifests as people write them come to what a runtime would do.

use super::*;
use crate::controls::paths::Access;
use crate::controls::seccomp::{Action, Call, Conditions, compile};
use crate::controls::{Measure, Treatment, User, capabilities};

fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

fn bits(translation: &Translation) -> u64 {
    let sets = translation.measures.iter().find_map(|measure| match measure {
        Measure::Capabilities(sets) => Some(capabilities::sets(sets).unwrap().0),
        _ => None,
    });
    sets.unwrap_or(capabilities::ALL)
}

fn bit(name: &str) -> u64 {
    1 << capabilities::number(name).unwrap()
}

fn user(translation: &Translation) -> Option<&User> {
    translation.measures.iter().find_map(|measure| match measure {
        Measure::User(user) => Some(user),
        _ => None,
    })
}

fn has_seccomp(translation: &Translation) -> bool {
    translation.measures.iter().any(|measure| matches!(measure, Measure::Seccomp(_)))
}

const DEPLOYMENT: &str = "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80}]}\n---\napiVersion: apps/v1\nkind: Deployment\n\
spec:\n  template:\n    spec:\n      securityContext: {runAsUser: 1000, runAsGroup: 2000, fsGroup: 5, seccompProfile: {type: RuntimeDefault}}\n\
\x20     containers:\n        - name: web\n          securityContext:\n            runAsUser: 1001\n            allowPrivilegeEscalation: false\n\
\x20           readOnlyRootFilesystem: true\n            capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}\n\
\x20         volumeMounts: [{name: d, mountPath: /data/}, {name: c, mountPath: /conf, readOnly: true}]\n        - name: side\n";

#[test]
fn a_deployments_container_is_read_with_its_pods_context() {
    let web = read("deploy.yaml", DEPLOYMENT, Some("web"), &none()).unwrap();
    assert_eq!(user(&web), Some(&User::Ids { uid: 1001, gid: 2000 }), "the container's own holds");
    assert_eq!(bits(&web), bit("NET_BIND_SERVICE"));
    assert!(web.measures.contains(&Measure::NoNewPrivs) && has_seccomp(&web));
    let Some(Measure::Paths(rules)) = web.measures.first() else { panic!("{web:?}") };
    let access =
        |path: &str| rules.iter().find(|rule| rule.path.to_str() == Some(path)).map(|rule| rule.access);
    assert_eq!(access("/"), Some(Access::ReadOnly));
    assert_eq!(access("/data"), Some(Access::ReadWrite));
    assert_eq!(access("/conf"), Some(Access::ReadOnly));
    assert_eq!(access("/proc/kcore"), Some(Access::Masked));
    assert!(web.told.iter().any(|told| told.name == "fsGroup" && told.state == Treatment::NotApplicable));
    // nothing but what a runtime does to every container
    let side = read("deploy.yaml", DEPLOYMENT, Some("side"), &none()).unwrap();
    assert_eq!(bits(&side) & bit("SYS_ADMIN"), 0);
    assert_eq!(bits(&side) & bit("CHOWN"), bit("CHOWN"));
}

#[test]
fn a_container_must_be_named_where_there_are_several_and_exist() {
    let several = read("deploy.yaml", DEPLOYMENT, None, &none()).unwrap_err();
    assert!(several[0].what.contains("web, side") && several[0].remedy.contains("FILE#CONTAINER"));
    let missing = read("deploy.yaml", DEPLOYMENT, Some("wep"), &none()).unwrap_err();
    assert!(missing[0].remedy.contains("`web`"), "{missing:?}");
    assert!(read("x", "kind: Service\n", None, &none()).unwrap_err()[0].what.contains("no container"));
}

#[test]
fn every_kind_of_workload_has_its_pod_somewhere_else() {
    let pod = "{containers: [{name: a, securityContext: {privileged: false}}]}";
    for text in [
        format!("kind: Pod\nspec: {pod}\n"),
        format!("kind: StatefulSet\nspec: {{template: {{spec: {pod}}}}}\n"),
        format!("kind: DaemonSet\nspec: {{template: {{spec: {pod}}}}}\n"),
        format!("kind: Job\nspec: {{template: {{spec: {pod}}}}}\n"),
        format!("kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {{spec: {pod}}}}}}}}}\n"),
    ] {
        assert!(read("w.yaml", &text, None, &none()).is_ok(), "{text}");
    }
}

fn pod(context: &str) -> String {
    format!("kind: Pod\nspec:\n  containers:\n    - name: a\n      securityContext:\n{context}")
}

#[test]
fn what_can_not_be_enforced_is_refused_at_its_line_unless_it_is_ignored() {
    let text = pod("        runAsNonRoot: true\n        appArmorProfile: {type: RuntimeDefault}\n");
    let problems = read("pod.yaml", &text, None, &none()).unwrap_err();
    assert_eq!((problems[0].line, problems.len()), (7, 1));
    assert!(problems[0].what.starts_with("appArmorProfile can't be enforced"));
    let ignored = ["appArmorProfile".to_owned()].into();
    let read_ = read("pod.yaml", &text, None, &ignored).unwrap();
    assert_eq!(user(&read_), Some(&User::User), "the ordinary user stands for the image's");
    assert!(read_.told.iter().any(|told| told.state == Treatment::Ignored));
    let stray = read("pod.yaml", &pod("        privileged: false\n"), None, &ignored).unwrap_err();
    assert!(stray[0].what.contains("appArmorProfile"));
}

#[test]
fn mistakes_are_told_with_what_to_write() {
    for (context, what, remedy) in [
        ("        runAsUsr: 5\n", "no field runAsUsr", "runAsUser"),
        ("        runAsUser: five\n", "is no number", "number"),
        ("        privileged: maybe\n", "is no truth value", "true or false"),
        ("        seccompProfile: {type: RuntimeDefalt}\n", "of type `RuntimeDefalt`", "RuntimeDefault"),
        ("        capabilities: {add: [FLY]}\n", "`FLY` is no capability", "capabilities(7)"),
        ("        {runAsNonRoot: true, runAsUser: 0}\n", "would not be started", "another number"),
        ("        {privileged: true, allowPrivilegeEscalation: false}\n", "privileged container", "either"),
        ("        privileged: true\n        procMount: Unmasked\n", "nothing restricts", "securityContext"),
    ] {
        let problems = read("pod.yaml", &pod(context), None, &none()).unwrap_err();
        assert!(problems[0].what.contains(what), "{context}: {problems:?}");
        assert!(problems[0].remedy.contains(remedy), "{context}: {problems:?}");
    }
}

#[test]
fn the_standards_ask_for_what_they_ask_for() {
    let restricted = standard("restricted").unwrap();
    assert_eq!(bits(&restricted), 0);
    assert!(restricted.measures.contains(&Measure::NoNewPrivs) && has_seccomp(&restricted));
    assert_eq!(user(&restricted), Some(&User::User));
    let baseline = standard("baseline").unwrap();
    assert!(!has_seccomp(&baseline) && user(&baseline).is_none());
    assert_eq!(bits(&baseline) & bit("SYS_ADMIN"), 0);
    assert!(standard("privileged").is_none(), "it restricts nothing");
}

#[test]
fn a_compose_service_has_dockers_profile_unless_it_is_told_otherwise() {
    let text = "services:\n  db: {image: x}\n  web:\n    image: y\n    read_only: true\n    cap_drop: [ALL]\n    cap_add: [CHOWN]\n\
                \x20   user: '10:20'\n    security_opt: ['no-new-privileges:true']\n    tmpfs: /tmp\n    volumes: ['./d:/data', 'x:/ro:ro']\n";
    let web = read("compose.yaml", text, Some("web"), &none()).unwrap();
    assert_eq!(bits(&web), bit("CHOWN"));
    assert_eq!(user(&web), Some(&User::Ids { uid: 10, gid: 20 }));
    assert!(web.measures.contains(&Measure::NoNewPrivs) && has_seccomp(&web));
    let open = "services: {web: {security_opt: ['seccomp=unconfined']}}\n";
    assert!(!has_seccomp(&read("c", open, None, &none()).unwrap()));
    let tuned = "services: {web: {sysctls: {net.ipv4.ip_forward: 0}}}\n";
    let sysctls = |measure: &Measure| matches!(measure, Measure::Sysctl(values) if values["net.ipv4.ip_forward"] == "0");
    assert!(read("c", tuned, None, &none()).unwrap().measures.iter().any(sysctls));
    let host = "services:\n  web:\n    network_mode: host\n";
    assert_eq!(read("c", host, None, &none()).unwrap_err()[0].line, 3);
    let label = "services:\n  web:\n    security_opt: ['apparmor:web']\n";
    assert!(read("c", label, None, &["security_opt".to_owned()].into()).is_ok());
}

#[test]
fn the_runtimes_profile_depends_on_the_capabilities() {
    let answer = |capabilities: u64, nr: i64, args: [u64; 6]| {
        let filter = compile(&runtime::profile(), &Conditions { capabilities, kernel: (6, 18) }).unwrap();
        filter.run(&Call::recorded(u32::try_from(nr).unwrap(), "x86_64", args))
    };
    let eperm = Action::Errno(libc::EPERM as u16);
    assert_eq!(answer(0, libc::SYS_mount, [0; 6]), eperm);
    assert_eq!(answer(bit("SYS_ADMIN"), libc::SYS_mount, [0; 6]), Action::Allow);
    assert_eq!(answer(0, libc::SYS_openat, [0; 6]), Action::Allow);
    assert_eq!(answer(0, libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]), eperm);
    assert_eq!(answer(0, libc::SYS_clone, [17, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(answer(0, libc::SYS_clone3, [0; 6]), Action::Errno(libc::ENOSYS as u16));
    let socket = |family: i32| answer(0, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0]);
    assert_eq!((socket(libc::AF_INET), socket(libc::AF_PACKET)), (Action::Allow, Action::Allow));
    assert_eq!((socket(libc::AF_ALG), socket(libc::AF_VSOCK)), (eperm, eperm));
    assert_eq!(answer(0, libc::SYS_io_uring_setup, [0; 6]), eperm);
}
