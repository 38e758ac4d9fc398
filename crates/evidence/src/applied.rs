//! What a control did, in words.

use crate::manifest::{AppliedControl, RulesState};

impl AppliedControl {
    /// What was done to put it on, and what its rules did where they were read back; one sentence each.
    pub fn told(&self) -> Vec<String> {
        let mut told = self.applied.clone();
        let Some(egress) = &self.egress else { return told };
        match egress.rules {
            RulesState::Kept => {}
            RulesState::Changed => told.push("somebody inside changed its rules".into()),
            RulesState::Removed => told.push("somebody inside took its rules away".into()),
        }
        for refused in egress.refused.iter().filter(|refused| refused.packets > 0) {
            told.push(format!(
                "{} refused {} packets, {} bytes",
                refused.rule, refused.packets, refused.bytes
            ));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use crate::{AppliedControl, EgressEffects, RefusedPackets, RulesState};

    #[test]
    fn rules_tell_what_they_refused_and_what_became_of_them() {
        let rule = |rule: &str, packets| RefusedPackets { rule: rule.into(), packets, bytes: packets * 60 };
        let mut control = AppliedControl {
            name: "firewall".into(),
            sha256: String::new(),
            applied: vec!["loaded".into()],
            egress: Some(EgressEffects {
                rules: RulesState::Kept,
                refused: vec![rule("inet f out, rule 1", 2), rule("inet f out, rule 2", 0)],
                uncounted: 0,
            }),
        };
        assert_eq!(control.told(), ["loaded", "inet f out, rule 1 refused 2 packets, 120 bytes"]);
        control.egress.as_mut().unwrap().rules = RulesState::Removed;
        assert_eq!(control.told()[1], "somebody inside took its rules away");
        control.egress = None;
        assert_eq!(control.told(), ["loaded"]);
    }
}
