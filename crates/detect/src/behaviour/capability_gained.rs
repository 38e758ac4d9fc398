//! An ordinary user's program that gets capabilities from its file.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Detail, Event};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "capability-gained",
    title: "Gained capabilities through a program's file",
    sentence: "{process.name} gets capabilities that who started it had not, because its file says so.",
    level: Level::Low,
    confidence: Confidence::High,
    tags: &["attack.privilege-escalation", "attack.t1548"],
}];

#[derive(Default)]
pub(super) struct CapabilityGained;

impl Watch for CapabilityGained {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Detail::ProcessCredentials { credentials } = &event.detail else { return };
        // a program that becomes root by its file is another behaviour
        if credentials.call != "execve" || credentials.new.euid == 0 {
            return;
        }
        if credentials.new.capabilities.permitted & !credentials.old.capabilities.permitted != 0 {
            found.saw("capability-gained", event, &[], &[]);
        }
    }
}
