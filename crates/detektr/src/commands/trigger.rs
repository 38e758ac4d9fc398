//! Which trigger phases follow: the argument that several commands have in common.

use crate::failure::Failure;
use detektr_detonate::{Phase, TRIGGERS};
use detektr_sandbox::profile::ProfileTrigger;
use std::collections::BTreeSet;

/// Which trigger phases follow.
#[derive(Debug, clap::Args)]
pub struct TriggerArgs {
    /// Start again what the artifact installed: logins, schedules, a reboot [default: all that it calls for]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PHASE,…")]
    trigger: Vec<Trigger>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Trigger {
    /// Somebody logs in
    Login,
    /// The time of schedules comes
    Schedule,
    /// The system comes up again
    Reboot,
    /// Nothing is started again
    None,
}

impl TriggerArgs {
    /// The phases that the command line names, else those of the profile, else all.
    pub fn phases(&self, profile: Option<&[ProfileTrigger]>) -> Result<BTreeSet<Phase>, Failure> {
        let named = self.trigger.as_slice();
        if named.contains(&Trigger::None) && named.len() > 1 {
            let what = "`--trigger none` stands beside other phases";
            return Err(
                Failure::usage("detektr::trigger", what).help("give `none`, or the phases that may follow")
            );
        }
        let of_profile = |trigger: &ProfileTrigger| match trigger {
            ProfileTrigger::Login => Phase::Login,
            ProfileTrigger::Schedule => Phase::Schedule,
            ProfileTrigger::Reboot => Phase::Reboot,
        };
        let of_option = |trigger: &Trigger| match trigger {
            Trigger::Login => Some(Phase::Login),
            Trigger::Schedule => Some(Phase::Schedule),
            Trigger::Reboot => Some(Phase::Reboot),
            Trigger::None => None,
        };
        Ok(match (named, profile) {
            ([], None) => TRIGGERS.into(),
            ([], Some(profile)) => profile.iter().map(of_profile).collect(),
            (named, _) => named.iter().filter_map(of_option).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_all_unless_somebody_says_otherwise() {
        let of = |named: &[Trigger], profile| TriggerArgs { trigger: named.to_vec() }.phases(profile);
        assert_eq!(of(&[], None).expect("none given"), TRIGGERS.into());
        assert_eq!(of(&[], Some(&[])).expect("an empty list"), BTreeSet::new());
        assert_eq!(of(&[Trigger::None], None).expect("none at all"), BTreeSet::new());
        let over = of(&[Trigger::Login], Some(&[ProfileTrigger::Reboot])).expect("one given");
        assert_eq!(over, [Phase::Login].into());
        assert!(of(&[Trigger::None, Trigger::Login], None).is_err());
    }
}
