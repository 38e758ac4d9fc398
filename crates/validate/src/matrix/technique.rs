//! The techniques that a rule is tagged with, and how they relate to that of an attack.

use detektr_detect::{RuleRef, attack};
use std::collections::BTreeSet;

/// How an attack's technique relates to a rule's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// One is the other's parent: a match proves the rule, and silence says nothing, for the rule may be about another
    /// part of the technique.
    Kin,
    /// It is the same.
    Same,
}

/// The techniques of a rule's tags (`attack.t1053.003`), as ATT&CK v19.1 has them: revoked ids are replaced.
pub fn techniques(rule: &RuleRef) -> BTreeSet<String> {
    let ids = rule.tags.iter().filter_map(|tag| {
        let tag = tag.to_ascii_uppercase();
        let id = tag.strip_prefix("ATTACK.")?;
        let digits = id.strip_prefix('T')?;
        let sound = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        sound.then(|| attack::current(id).to_owned())
    });
    ids.collect()
}

/// How `technique` relates to any of `tagged`. Two sub-techniques of one parent are strangers.
pub fn relation(tagged: &BTreeSet<String>, technique: &str) -> Option<Relation> {
    if tagged.contains(technique) {
        return Some(Relation::Same);
    }
    let parent = |id: &str| id.split_once('.').map(|(parent, _)| parent.to_owned());
    let kin =
        |own: &String| parent(technique).as_ref() == Some(own) || parent(own).as_deref() == Some(technique);
    tagged.iter().any(kin).then_some(Relation::Kin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_kin_siblings_are_strangers_and_revoked_ids_are_replaced() {
        let rule = RuleRef {
            id: "x".into(),
            title: "x".into(),
            file: "x".into(),
            level: None,
            tags: ["attack.t1053.003", "attack.T1562.001", "attack.persistence", "car.2013-01-002"]
                .map(String::from)
                .into(),
            correlation: false,
        };
        let tagged = techniques(&rule);
        assert_eq!(tagged.iter().map(String::as_str).collect::<Vec<_>>(), ["T1053.003", "T1685"]);
        assert_eq!(relation(&tagged, "T1053.003"), Some(Relation::Same));
        assert_eq!(relation(&tagged, "T1053"), Some(Relation::Kin));
        assert_eq!(relation(&tagged, "T1685.004"), Some(Relation::Kin));
        assert_eq!(relation(&tagged, "T1053.006"), None);
        assert_eq!(relation(&tagged, "T10530"), None);
    }
}
