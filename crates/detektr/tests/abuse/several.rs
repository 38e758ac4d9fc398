//! Several detonations at once, of one data folder: none disturbs another.

use crate::support::{Place, everyone, finish, spawn};
use std::collections::BTreeSet;

#[test]
fn four_processes_at_once_complete_with_ids_and_events_of_their_own() {
    for place in everyone().into_iter().map(Place::new) {
        let script =
            "for i in 1 2 3 4 5 6 7 8 9; do echo $i > /tmp/own-$1-$i; cat /tmp/own-$1-$i; done; ls /tmp";
        let begun: Vec<_> = (0..4)
            .map(|number| {
                let number = number.to_string();
                spawn(&mut place.detonation(&["--timeout", "100s", "--", "sh", "-c", script, "sh", &number]))
            })
            .collect();
        let mut ids = BTreeSet::new();
        for (number, child) in begun.into_iter().enumerate() {
            let document = finish(child).exits(0).json();
            let run = document["run"].as_str().unwrap().to_owned();
            let stdout = Place::bundle_file(&document, "stdout");
            assert_eq!(stdout.matches("own-").count(), 9, "{stdout}");
            let events = place.detektr(["events", &run, "--json"]).exits(0).stdout;
            for other in 0..4 {
                let created = events.lines().filter(|line| {
                    line.contains("\"file.create\"") && line.contains(&format!("/tmp/own-{other}-"))
                });
                assert_eq!(created.count(), if other == number { 9 } else { 0 }, "{other} in {number}");
            }
            place.detektr(["verify", &run]).exits(0);
            ids.insert(run);
        }
        assert_eq!(ids.len(), 4);
        assert_eq!(place.ids(), ids);
        place.is_clean("four runs at once");
    }
}
