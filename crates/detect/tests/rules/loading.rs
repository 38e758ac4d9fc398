//! What can't be asked is refused, never dropped.

use crate::events::rule;
use detektr_detect::{RuleError, RuleSet};

const SELECT: &str = "  sel:\n    Image: /bin/sh\n  condition: sel\n";

fn refused(text: &str) -> Vec<RuleError> {
    RuleSet::load([("rule.yml", text.as_bytes())]).unwrap_err()
}

#[test]
fn a_second_document_with_a_mistake_is_not_dropped() {
    let text = format!("{}---\ntitle: Broken\nlogsource:\n  product: linux\n", rule("Good", SELECT));
    let errors = refused(&text);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].file, "rule.yml");
    assert!(!errors[0].what.is_empty() && !errors[0].remedy.is_empty(), "{errors:?}");
}

#[test]
fn a_placeholder_without_value_is_refused() {
    let errors = refused(&rule("Open", "  sel:\n    Image|expand: '%shells%'\n  condition: sel\n"));
    assert!(errors[0].what.contains("`Image|expand`"), "{errors:?}");
}

#[test]
fn of_several_files_the_bad_ones_are_named_and_the_others_loaded() {
    let good = rule("Good", SELECT);
    let bad = rule("Bad", "  sel:\n    Image|re: '('\n  condition: sel\n");
    let files = [("good.yml", good.as_bytes()), ("bad.yml", bad.as_bytes()), ("none.yml", b"".as_slice())];
    let (set, errors) = RuleSet::load_usable(files);
    assert_eq!(set.rules().map(|rule| rule.title.as_str()).collect::<Vec<_>>(), ["Good"]);
    assert_eq!(errors.iter().map(|error| error.file.as_str()).collect::<Vec<_>>(), ["bad.yml", "none.yml"]);
    let good = [("good.yml", good.as_bytes())];
    assert!(RuleSet::load(good.into_iter().chain([("bad.yml", bad.as_bytes())])).is_err(), "load wants all");
}

#[test]
fn a_correlation_finds_its_rules_in_other_files_and_is_refused_without_them() {
    let base = format!("name: base\n{}", rule("Base", SELECT));
    let correlation = |title: &str, of: &str, name: &str| {
        format!(
            "title: {title}\nname: {name}\ncorrelation:\n  type: event_count\n  rules: [{of}]\n  group-by: [User]\n  \
             timespan: 1m\n  condition:\n    gte: 2\n"
        )
    };
    let (count, above) = (correlation("Count", "base", "count"), correlation("Above", "count", "above"));
    let other = rule("Other", SELECT);
    let all = [("c.yml", count.as_bytes()), ("a.yml", above.as_bytes()), ("b.yml", base.as_bytes())];
    assert_eq!(RuleSet::load(all).unwrap().rules().count(), 3);
    let without = [("a.yml", above.as_bytes()), ("c.yml", count.as_bytes()), ("o.yml", other.as_bytes())];
    let (set, errors) = RuleSet::load_usable(without);
    assert_eq!(set.rules().count(), 1);
    let mut files: Vec<&str> = errors.iter().map(|error| error.file.as_str()).collect();
    files.sort_unstable();
    assert_eq!(files, ["a.yml", "c.yml"], "{errors:?}");
    assert!(errors.iter().any(|error| error.what.contains("`base`")), "{errors:?}");
}
