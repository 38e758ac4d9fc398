//! `action.yml` and `templates/detektr.yml`: as their schemas want them, and run step by step as the runners do.

use crate::schemas;
use crate::support::{How, Place, Said, said};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use yaml_serde::Value;

const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// A validation whose mitigation holds; with `/srv` in place of `/etc` it fails.
fn place(control: &str) -> Place {
    let place = Place::new();
    place.write("attack.sh", "echo x >/etc/cron.d/upd");
    place.write("twin.sh", TWIN);
    place.write(
        "checks/v.yaml",
        &format!(
            "detektr: 1\nattack: ../attack.sh\ngoal: created('/etc/cron.d/upd')\ncontrols:\n  etc: {{read_only: {control}}}\n\
             benign: ../twin.sh\nask: [{{mitigation: all}}]\n"
        ),
    );
    fs::create_dir(place.path("temp")).unwrap();
    place
}

/// Where Detektr lies.
fn program(place: &Place) -> String {
    place.path("../detektr").to_str().unwrap().to_owned()
}

/// Runs `script` as a runner's shell does.
fn shell(words: &[&str], script: &str, place: &Place, variables: &BTreeMap<String, String>) -> Said {
    let script = place.write("temp/step", script);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(script).current_dir(place.path("")).env_clear();
    // Detektr is on the PATH
    let path = format!("{}:{}", place.path("..").display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).envs(variables);
    said(&command.output().unwrap())
}

/// What came of an action: its last step, and the outputs of its steps.
struct Done {
    last: Said,
    outputs: BTreeMap<String, String>,
}

/// The shell that a runner starts a step with.
const BASH: [&str; 6] = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"];

/// Runs the steps of `action.yml` with `inputs`, as the user of this test.
fn action(place: &Place, inputs: &[(&str, &str)]) -> Done {
    action_by(&BASH, place, inputs, &[])
}

/// Runs the steps of `action.yml` with `inputs` by `words`, until one fails; `changed` are variables of the runner's.
fn action_by(words: &[&str], place: &Place, inputs: &[(&str, &str)], changed: &[(&str, &str)]) -> Done {
    let action: Value = yaml_serde::from_str(&text("action.yml")).unwrap();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (name, input) in action["inputs"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        let given = inputs.iter().find(|(input, _)| *input == name).map(|(_, value)| *value);
        let default = input["default"].as_str();
        known.insert(format!("inputs.{name}"), given.or(default).expect("a required input").to_owned());
    }
    let mut last = None;
    for step in action["runs"]["steps"].as_sequence().unwrap() {
        let run = step["run"].as_str().unwrap();
        // an input in a script would be part of the script
        assert!(!run.contains("${{"), "{run}");
        assert_eq!(step["shell"], "bash");
        let mut variables: BTreeMap<String, String> = [
            ("GITHUB_ACTIONS", "true".into()),
            ("GITHUB_WORKSPACE", place.path("")),
            ("GITHUB_STEP_SUMMARY", place.path("temp/summary")),
            ("GITHUB_OUTPUT", place.path("temp/output")),
            ("GITHUB_ACTION_PATH", file("")),
            ("RUNNER_TEMP", place.path("temp")),
        ]
        .into_iter()
        .map(|(name, path): (&str, PathBuf)| (name.to_owned(), path.to_str().unwrap().to_owned()))
        .collect();
        variables.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        for (name, value) in step["env"].as_mapping().unwrap() {
            let value = value.as_str().unwrap();
            let inner = value.strip_prefix("${{ ").and_then(|value| value.strip_suffix(" }}")).unwrap();
            variables
                .insert(name.as_str().unwrap().to_owned(), known.get(inner).cloned().unwrap_or_default());
        }
        fs::write(place.path("temp/output"), "").unwrap();
        let done = shell(words, run, place, &variables);
        for line in fs::read_to_string(place.path("temp/output")).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            known.insert(format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap()), value.to_owned());
        }
        let failed = done.code != 0;
        last = Some(done);
        if failed {
            break;
        }
    }
    let outputs = action["outputs"].as_mapping().unwrap().iter().map(|(name, output)| {
        let value = output["value"].as_str().unwrap();
        let inner = value.strip_prefix("${{ ").and_then(|value| value.strip_suffix(" }}")).unwrap();
        (name.as_str().unwrap().to_owned(), known.get(inner).cloned().unwrap_or_default())
    });
    Done { outputs: outputs.collect(), last: last.expect("a step") }
}

#[test]
fn the_action_and_the_component_are_as_their_schemas_want_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        let path = folder.path().join("file.yml");
        fs::write(&path, text).unwrap();
        path
    };
    let Some(checked) = schemas::github_action(&file("action.yml")) else { return };
    assert_eq!(checked, Ok(()));
    let broken = text("action.yml").replace("      shell: bash\n", "");
    assert!(schemas::github_action(&write(&broken)).unwrap().is_err(), "the check can fail");
    let template = component(&[("files", "checks")]);
    for document in [&template.0, &template.1] {
        assert_eq!(schemas::gitlab_ci(&write(document)).unwrap(), Ok(()), "{document}");
    }
    let broken = template.1.replace("when: always", "when: ever");
    assert!(schemas::gitlab_ci(&write(&broken)).unwrap().is_err(), "the check can fail");
}

#[test]
fn the_action_runs_the_validations_and_tells_what_came_of_them() {
    let How::RootEbpf = How::all()[0] else { return };
    let holds = place("/etc");
    let program = program(&holds);
    let done = action(&holds, &[("files", "checks\n"), ("binary", &program)]);
    assert_eq!(done.last.code, 0, "{}{}", done.last.stdout, done.last.stderr);
    assert_eq!(done.outputs["exit-code"], "0");
    for report in ["sarif", "junit"] {
        assert!(Path::new(&done.outputs[report]).is_file(), "{report}: {}", done.outputs[report]);
    }
    assert!(fs::read_to_string(holds.path("temp/summary")).unwrap().contains("1 hold, 0 fail"));

    let fails = place("/srv");
    let done = action(&fails, &[("files", "checks/v.yaml"), ("jobs", "2")]);
    assert_eq!((done.last.code, done.outputs["exit-code"].as_str()), (1, "1"), "{}", done.last.stderr);
    let annotation = "\n::error file=checks/v.yaml,line=7,";
    assert!(done.last.stdout.contains(annotation), "{}", done.last.stdout);
}

#[test]
fn an_ordinary_user_of_the_runner_takes_sudo_and_can_read_what_comes_of_it() {
    let How::RootEbpf = How::all()[0] else { return };
    if !Path::new("/usr/bin/sudo").exists() {
        eprintln!("skipped: needs sudo");
        return;
    }
    let place = place("/etc");
    // in a mount namespace of its own, this user may do all: nothing of it is seen outside
    let rule = place.write("sudoers", "#65534 ALL=(ALL:ALL) NOPASSWD: ALL\n");
    fs::set_permissions(&rule, fs::Permissions::from_mode(0o440)).unwrap();
    for name in ["temp", "temp/output", "temp/summary"] {
        let path = place.path(name);
        if name != "temp" {
            fs::write(&path, "").unwrap();
        }
        std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    let turn =
        "mount --bind \"$0\" /etc/sudoers && exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";
    let mut words = vec!["unshare", "--mount", "--propagation", "private", "sh", "-c", turn];
    words.push(rule.to_str().unwrap());
    words.extend(BASH);
    let program = program(&place);
    let done = action_by(&words, &place, &[("files", "checks"), ("binary", &program)], &[]);
    assert_eq!(done.last.code, 0, "{}{}", done.last.stdout, done.last.stderr);
    for report in ["sarif", "junit"] {
        let file = Path::new(&done.outputs[report]);
        assert_eq!(fs::metadata(file).unwrap().uid(), 65_534, "{report}");
    }
    let home = Path::new(&done.outputs["junit"]).ancestors().nth(2).unwrap().join("home/runs");
    let manifest = fs::read_dir(home).unwrap().next().unwrap().unwrap().path().join("manifest.json");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(manifest.contains("\"ebpf\""), "it ran as root, whom the host gives its best sensor: {manifest}");
}

/// That a build of this repository gives a program is `make dist`'s to show: it takes minutes. Here everything else of the step
/// is tried with a real cargo: where it builds, what it builds, where it looks for it, and that the next step runs that.
#[test]
fn without_a_program_the_action_builds_one_of_its_own_source_and_runs_it() {
    let How::RootEbpf = How::all()[0] else { return };
    let Some(cargo) = std::env::var_os("CARGO").map(PathBuf::from) else {
        eprintln!("skipped: this test was not started by cargo, which tells where it is itself");
        return;
    };
    let folders = format!("{}:/usr/bin:/bin", cargo.parent().unwrap().display());
    if folders.split(':').any(|folder| Path::new(folder).join("detektr").exists()) {
        eprintln!("skipped: a detektr lies beside cargo or the linker, and the action would take that");
        return;
    }
    // of this repository: the name, and the program that the step looks for
    let words = ["metadata", "--offline", "--locked", "--no-deps", "--format-version=1", "--manifest-path"];
    let told = Command::new(&cargo).args(words).arg(file("Cargo.toml")).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages.iter().find(|package| package["name"] == "detektr").unwrap();
    let is_program = |target: &serde_json::Value| target["name"] == "detektr" && target["kind"][0] == "bin";
    assert!(own["targets"].as_array().unwrap().iter().any(is_program), "{own:#}");

    let place = place("/etc");
    let program = program(&place);
    place.write(
        "source/Cargo.toml",
        "[package]\nname = \"detektr\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    place.write("source/Cargo.lock", "version = 4\n\n[[package]]\nname = \"detektr\"\nversion = \"0.0.0\"\n");
    place.write(
        "source/src/main.rs",
        &format!(
            "fn main() {{ let args = std::env::args_os().skip(1); let e = std::os::unix::process::CommandExt::exec(\
             std::process::Command::new({program:?}).args(args)); panic!(\"{{e}}\") }}"
        ),
    );
    let (source, home) = (place.path("source"), place.path("cargo"));
    let [source, home] = [&source, &home].map(|path| path.to_str().unwrap());
    let changed = [("GITHUB_ACTION_PATH", source), ("PATH", &folders), ("CARGO_HOME", home)];
    let done = action_by(&BASH, &place, &[("files", "checks")], &changed);
    assert_eq!(done.last.code, 0, "{}{}", done.last.stdout, done.last.stderr);
    assert!(place.path("temp/detektr-build/release/detektr").is_file());
    assert!(done.last.stdout.contains("holds"), "{}", done.last.stdout);

    let none = [("GITHUB_ACTION_PATH", source), ("PATH", "/nowhere")];
    let bash = ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail"];
    let done = action_by(&bash, &place, &[("files", "checks")], &none);
    assert_eq!(done.last.code, 2, "{}{}", done.last.stdout, done.last.stderr);
    assert!(done.last.stdout.contains("no cargo to build it with"), "{}", done.last.stdout);
}

/// A validation that names an engine.
fn with_engine(control: &str) -> Place {
    let place = place(control);
    place.write("checks/seen.sh", "cat >/dev/null");
    place.write(
        "checks/v.yaml",
        "detektr: 1\nattack: ../attack.sh\nbenign: ../twin.sh\nask: [{detection: {command: [./seen.sh]}}]\n",
    );
    place
}

#[test]
fn an_engine_runs_only_where_the_workflow_says_so() {
    let How::RootEbpf = How::all()[0] else { return };
    for (given, code) in [(None, 2), (Some("false"), 2), (Some("true"), 1)] {
        let place = with_engine("/etc");
        let inputs: Vec<_> = given.into_iter().map(|engines| ("engines", engines)).collect();
        let done = action(&place, &[&[("files", "checks")], &inputs[..]].concat());
        assert_eq!(done.last.code, code, "{given:?}: {}{}", done.last.stdout, done.last.stderr);
        assert_eq!(done.outputs["sarif"].is_empty(), code == 2, "{:?}", done.outputs);

        let place = with_engine("/etc");
        let program = program(&place);
        let done = job(&place, &[&[("files", "checks"), ("binary", &program)], &inputs[..]].concat());
        assert_eq!(done.code, code, "{given:?}: {}{}", done.stdout, done.stderr);
    }
}

#[test]
fn no_input_of_the_action_is_obeyed() {
    let place = place("/etc");
    let program = program(&place);
    let mark = place.path("mark");
    let obey = format!("$(touch {0}); touch {0} #`touch {0}`", mark.display());
    let inputs = [("files", "checks"), ("binary", program.as_str())];
    for name in ["profile", "baseline", "partition", "jobs", "retries", "fail-on", "engines"] {
        let done = action(&place, &[&inputs[..], &[(name, &obey)]].concat());
        assert_eq!(done.last.code, 2, "{name}: {}{}", done.last.stdout, done.last.stderr);
        assert!(!mark.exists(), "{name}");
    }
    let missing = action(&place, &[("files", "checks"), ("binary", "no/such/program")]);
    assert_eq!(missing.last.code, 2, "{}{}", missing.last.stdout, missing.last.stderr);
    let bad =
        [("binary", obey.as_str()), ("binary", "a\nbinary=/bin/true"), ("files", "\n"), ("files", "--help")];
    for (name, value) in bad {
        let rest = inputs.iter().copied().filter(|(other, _)| *other != name);
        let done = action(&place, &rest.chain([(name, value)]).collect::<Vec<_>>());
        assert_ne!(done.last.code, 0, "{name}={value}: {}", done.last.stdout);
        assert!(!mark.exists() && place.runs(How::all()[0]).is_empty());
    }
    // several words are one file
    let done = action(&place, &[("files", &obey), ("binary", &program)]);
    assert_eq!(done.last.code, 2, "{}", done.last.stdout);
    assert!(!mark.exists());
}

/// The component with its inputs put in: its header, and the configuration below.
fn component(inputs: &[(&str, &str)]) -> (String, String) {
    let text = text("templates/detektr.yml");
    let (header, body) = text.split_once("\n---\n").unwrap();
    let spec: Value = yaml_serde::from_str(header).unwrap();
    let mut body = body.to_owned();
    for (name, input) in spec["spec"]["inputs"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        let given = inputs.iter().find(|(input, _)| *input == name).map(|(_, value)| (*value).to_owned());
        let default = || match &input["default"] {
            Value::String(text) => text.clone(),
            other => yaml_serde::to_string(other).unwrap().trim().to_owned(),
        };
        // every text that goes into the file is held to letters that mean nothing in it
        if input["type"] != "number" && input["type"] != "boolean" {
            let allowed = input["regex"].as_str().unwrap();
            let inner = allowed.strip_prefix("^[").and_then(|rest| rest.split_once(']')).unwrap();
            assert!(matches!(inner.1, "+$" | "*$"), "{allowed}");
            assert!(inner.0.chars().all(|c| c.is_ascii_alphanumeric() || "._/:@ -".contains(c)), "{allowed}");
        }
        body = body.replace(&format!("$[[ inputs.{name} ]]"), &given.unwrap_or_else(default));
    }
    assert!(!body.contains("$[["), "{body}");
    (header.to_owned(), body)
}

/// Runs the component's job with `inputs`.
fn job(place: &Place, inputs: &[(&str, &str)]) -> Said {
    let (_, body) = component(inputs);
    let job = &yaml_serde::from_str::<Value>(&body).unwrap()["detektr"];
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in job["variables"].as_mapping().unwrap() {
        assert_eq!(value["expand"], false);
        variables.insert(name.as_str().unwrap().into(), value["value"].as_str().unwrap().into());
    }
    let folder = place.path("").to_str().unwrap().to_owned();
    variables.extend([("CI_PROJECT_DIR".into(), folder), ("GITLAB_CI".into(), "true".into())]);
    variables.insert("TMPDIR".into(), place.path("temp").to_str().unwrap().into());
    let lines: Vec<&str> =
        job["script"].as_sequence().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    shell(&["sh", "-e"], &lines.join("\n"), place, &variables)
}

#[test]
fn the_component_runs_the_validations_and_leaves_its_reports() {
    for (control, code) in [("/etc", 0), ("/srv", 1)] {
        let place = place(control);
        let program = program(&place);
        let inputs = [("files", "checks"), ("binary", program.as_str())];
        let done = job(&place, &inputs);
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        let reports =
            &yaml_serde::from_str::<Value>(&component(&inputs).1).unwrap()["detektr"]["artifacts"]["reports"];
        let quality = fs::read_to_string(place.path(reports["codequality"].as_str().unwrap()));
        assert_eq!(quality.unwrap().contains("\"path\": \"checks/v.yaml\""), code == 1);
        assert!(place.path(reports["junit"].as_str().unwrap()).is_file());
    }
}

#[test]
fn neither_changes_a_setting_of_the_kernel() {
    for name in ["action.yml", "templates/detektr.yml"] {
        let text = text(name);
        assert!(!["sysctl", "/proc/sys", "modprobe"].iter().any(|word| text.contains(word)), "{name}");
    }
}
