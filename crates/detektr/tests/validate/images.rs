//! Arms in an image, and each control alone and left out (`--ablate`).

use crate::docker_save::docker_save;
use crate::support::{How, Place};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// As `attack` it makes a file where it must not, else it makes one where it may.
const PROGRAM: &str = r#"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int attack = argc > 1 && !strcmp(argv[1], "attack");
    return open(attack ? "/data/loot" : "/tmp/work", O_CREAT | O_WRONLY, 0644) < 0;
}
"#;

/// A place with an image that holds that program and a folder `/data` that everybody may write to.
fn place() -> Option<Place> {
    let place = Place::new();
    let source = place.write("program.c", PROGRAM);
    let root = place.path("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::create_dir_all(root.join("data")).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(root.join("data"), permissions).unwrap();
    let built =
        Command::new("cc").args(["-static", "-o"]).arg(root.join("bin/program")).arg(&source).status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no static C library");
        return None;
    }
    docker_save(&root, &place.path("image.tar"));
    place.write(
        "v.yaml",
        "detektr: 1\nattack: {command: [/bin/program, attack]}\ngoal: created('/data/loot')\ncontrols:\n  \
         data: {read_only: /data}\n  more: {read_only: [/data, /bin]}\n  tmp: {nosuid: /tmp}\n\
         benign: {command: [/bin/program]}\nask: [{mitigation: all}]\n",
    );
    place.write(
        "each.yaml",
        &fs::read_to_string(place.path("v.yaml")).unwrap().replace("ask: [{mitigation: all}]", ""),
    );
    Some(place)
}

fn roles(document: &Value) -> Vec<String> {
    document["verdicts"][0]["arms"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_validation_runs_in_an_image_with_each_control_alone_and_left_out() {
    for how in How::all() {
        let Some(place) = place() else { return };
        let image = ["--rootfs", "image.tar"];
        let plain = place.validate(how, &[&["v.yaml"], &image[..]].concat());
        assert_eq!(plain.code, 0, "{how:?}: {}{}", plain.stdout, plain.stderr);
        assert_eq!(
            plain.answer("v", "mitigation"),
            "holds/prevented",
            "{how:?}: {}{}",
            plain.stdout,
            plain.stderr
        );
        assert_eq!(roles(&plain.document()), ["baseline", "benign", "benign-baseline", "treatment"]);

        let table = place.home(how).join("table.md");
        let words = ["v.yaml", "--ablate", "--markdown", table.to_str().unwrap()];
        let ablated = place.validate(how, &[&words, &image[..]].concat());
        assert_eq!(ablated.answer("v", "mitigation"), "holds/prevented", "{how:?}");
        let document = ablated.document();
        let made = roles(&document);
        for control in ["data", "more", "tmp"] {
            for role in [format!("without:{control}"), format!("only:{control}")] {
                assert!(made.contains(&role), "{how:?}: {role} in {made:?}");
            }
        }
        // what was run for the first is not run again
        assert_eq!(
            document["verdicts"][0]["arms"]["baseline"],
            plain.document()["verdicts"][0]["arms"]["baseline"]
        );
        // each control alone and left out, none, all, and the twin with none and all
        assert_eq!(made.len(), 2 * 3 + 2 + 2, "{made:?}");
        let part = |control: usize, what: &str| {
            document["results"][0]["ablation"][control][what].as_str().unwrap_or_default().to_owned()
        };
        for (control, truths) in
            [(0, ["no", "yes", "yes"]), (1, ["no", "yes", "yes"]), (2, ["no", "no", "no"])]
        {
            let told = ["necessary", "sufficient", "redundant"].map(|what| part(control, what));
            assert_eq!(told, truths, "{how:?}: {document}");
            assert_eq!(part(control, "harmful"), "no", "{how:?}");
        }
        let table = fs::read_to_string(table).unwrap();
        assert!(table.contains("| data | no | **yes** | **yes** |"), "{how:?}: {table}");
        let outcomes = &document["verdicts"][0]["outcomes"];
        let outcome = |role: &str| outcomes[role].as_str().unwrap_or_default().to_owned();
        assert_eq!(outcome("only:data"), "prevented", "{how:?}: {outcomes}");
        assert_eq!(outcome("without:data"), "prevented", "{how:?}: the other one stops it too: {outcomes}");
        assert_eq!(outcome("only:tmp"), "logged", "{how:?}: {outcomes}");

        let each = place.validate(how, &[&["each.yaml", "--ablate"], &image[..]].concat());
        assert_eq!(each.answer("each", "control:tmp"), "fails/no_effect", "{how:?}: {}", each.stdout);
        for control in ["data", "more"] {
            let answer = each.answer("each", &format!("control:{control}"));
            assert!(answer.starts_with("holds/"), "{how:?}: {control}: {answer}");
        }

        // another image at the same path is another root file system
        fs::create_dir(place.path("root/extra")).unwrap();
        docker_save(&place.path("root"), &place.path("image.tar"));
        let again = place.validate(how, &[&["v.yaml"], &image[..]].concat());
        assert_ne!(
            again.document()["verdicts"][0]["arms"]["baseline"],
            plain.document()["verdicts"][0]["arms"]["baseline"]
        );
    }
}

#[test]
fn an_image_that_is_none_runs_nothing() {
    let place = Place::new();
    place.write("image.tar", "no archive");
    place.write("attack.sh", ":");
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/x')\ncontrols: {a: {read_only: /etc}}\n",
    );
    let how = How::all()[0];
    let said = place.validate(how, &["v.yaml", "--rootfs", "image.tar"]);
    assert_eq!(said.code, 2, "{}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("image.tar"), "{}", said.stderr);
    let runs = fs::read_dir(place.home(how).join("runs")).map_or(0, |entries| entries.count());
    assert_eq!(runs, 0);
}
