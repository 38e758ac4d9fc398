//! Why a verdict is what it is: stable codes. `docs/verdicts.md` tells each.

/// A reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "docs/verdicts.md tells each, and a test holds it to this list")]
pub enum Reason {
    Triggered,
    Masked,
    Detected,
    Prevented,
    NoEffect,
    Missed,
    FalsePositive,
    GoalReached,
    BenignBroken,
    ArmMissing,
    NotSealed,
    OtherVersion,
    ArmsDiffer,
    EnvironmentFailed,
    NotPrepared,
    MonitorNotReady,
    MonitorLost,
    SensorLost,
    Incomplete,
    NotExecuted,
    GoalBefore,
    GoalNotReached,
    GoalUnknown,
    PreventedByIsolation,
    NotAttempted,
    CauseNotSeparable,
    RuleNotLoaded,
    EngineFailed,
    MatchedHarnessOnly,
    TelemetryMissing,
    BenignInvalid,
    BenignIdle,
    TooFewRepeats,
    Flaky,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Reason; 34] = [
        Reason::Triggered,
        Reason::Masked,
        Reason::Detected,
        Reason::Prevented,
        Reason::NoEffect,
        Reason::Missed,
        Reason::FalsePositive,
        Reason::GoalReached,
        Reason::BenignBroken,
        Reason::ArmMissing,
        Reason::NotSealed,
        Reason::OtherVersion,
        Reason::ArmsDiffer,
        Reason::EnvironmentFailed,
        Reason::NotPrepared,
        Reason::MonitorNotReady,
        Reason::MonitorLost,
        Reason::SensorLost,
        Reason::Incomplete,
        Reason::NotExecuted,
        Reason::GoalBefore,
        Reason::GoalNotReached,
        Reason::GoalUnknown,
        Reason::PreventedByIsolation,
        Reason::NotAttempted,
        Reason::CauseNotSeparable,
        Reason::RuleNotLoaded,
        Reason::EngineFailed,
        Reason::MatchedHarnessOnly,
        Reason::TelemetryMissing,
        Reason::BenignInvalid,
        Reason::BenignIdle,
        Reason::TooFewRepeats,
        Reason::Flaky,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Triggered => "triggered",
            Reason::Masked => "masked",
            Reason::Detected => "detected",
            Reason::Prevented => "prevented",
            Reason::NoEffect => "no_effect",
            Reason::Missed => "missed",
            Reason::FalsePositive => "false_positive",
            Reason::GoalReached => "goal_reached",
            Reason::BenignBroken => "benign_broken",
            Reason::ArmMissing => "arm_missing",
            Reason::NotSealed => "not_sealed",
            Reason::OtherVersion => "other_version",
            Reason::ArmsDiffer => "arms_differ",
            Reason::EnvironmentFailed => "environment_failed",
            Reason::NotPrepared => "not_prepared",
            Reason::MonitorNotReady => "monitor_not_ready",
            Reason::MonitorLost => "monitor_lost",
            Reason::SensorLost => "sensor_lost",
            Reason::Incomplete => "incomplete",
            Reason::NotExecuted => "not_executed",
            Reason::GoalBefore => "goal_before",
            Reason::GoalNotReached => "goal_not_reached",
            Reason::GoalUnknown => "goal_unknown",
            Reason::PreventedByIsolation => "prevented_by_isolation",
            Reason::NotAttempted => "not_attempted",
            Reason::CauseNotSeparable => "cause_not_separable",
            Reason::RuleNotLoaded => "rule_not_loaded",
            Reason::EngineFailed => "engine_failed",
            Reason::MatchedHarnessOnly => "matched_harness_only",
            Reason::TelemetryMissing => "telemetry_missing",
            Reason::BenignInvalid => "benign_invalid",
            Reason::BenignIdle => "benign_idle",
            Reason::TooFewRepeats => "too_few_repeats",
            Reason::Flaky => "flaky",
        }
    }

    /// The one next step, where the reason alone tells it.
    pub fn next(self) -> Option<&'static str> {
        Some(match self {
            Reason::Triggered | Reason::Masked | Reason::Detected | Reason::Prevented => return None,
            Reason::NoEffect => "check what the control covers: the attack's operations passed it",
            Reason::Missed => "see field by field why: detektr rule check RULES RUN",
            Reason::FalsePositive => "narrow the rule so that the twin's events don't match",
            Reason::GoalReached => "see what the attack did with the controls: detektr show RUN",
            Reason::BenignBroken => "allow what the twin needs: detektr show RUN tells what it was denied",
            Reason::ArmMissing => "run the validation to its end",
            Reason::NotSealed => "run the arm again with --fresh",
            Reason::OtherVersion => "run the validation again with this version, or judge with that one",
            Reason::ArmsDiffer => "take arms of one validation, or run them with --fresh",
            Reason::EnvironmentFailed => "detektr doctor tells what this host can't do",
            Reason::NotPrepared => "install on the host, or in an image (--rootfs), what the attack needs",
            Reason::MonitorNotReady => "install what watches, and see what it put out: detektr show RUN",
            Reason::MonitorLost => {
                "keep the monitor running to the end: detektr show RUN tells what became of it"
            }
            Reason::SensorLost => "run the arm again; detektr doctor checks the sensors",
            Reason::Incomplete => "detektr show RUN tells what is missing; run again with --fresh",
            Reason::NotExecuted => "see why the attack did not start: detektr show RUN",
            Reason::GoalBefore => "ask for something that only the attack brings about",
            Reason::GoalNotReached => "mend the attack, or the goal: without controls it must be reached",
            Reason::GoalUnknown => "ask for a fact that this version can tell",
            Reason::PreventedByIsolation => "use another backend, or an attack that the environment lets act",
            Reason::NotAttempted => "check that the control does not stop the attack before it acts",
            Reason::CauseNotSeparable => "ask each control alone with --ablate, or leave the others out",
            Reason::RuleNotLoaded => "mend the rule: detektr rule check tells what is wrong with it",
            Reason::EngineFailed => {
                "mend the engine's command: what it put out is in the result, under engines/"
            }
            Reason::MatchedHarnessOnly => "make the rule match what the attack does, not its name",
            Reason::TelemetryMissing => "use a field that the log source has, or collect what is named",
            Reason::BenignInvalid => "mend the twin: it must exit with 0 where no control is in force",
            Reason::BenignIdle => "give a twin that does what must go on working",
            Reason::TooFewRepeats => "repeat more often: --repeat N",
            Reason::Flaky => "make attack and twin behave the same each time, or repeat more often",
        })
    }

    /// Whether it says something about one run of the arms, and nothing about the security: the next run may say otherwise.
    pub(crate) fn is_accident(self) -> bool {
        matches!(
            self,
            Reason::ArmMissing
                | Reason::NotSealed
                | Reason::OtherVersion
                | Reason::ArmsDiffer
                | Reason::EnvironmentFailed
                | Reason::SensorLost
                | Reason::Incomplete
        )
    }

    /// Whether it says that what a question needs was not there, rather than what came of it.
    pub(super) fn is_precondition(self) -> bool {
        matches!(
            self,
            Reason::NotExecuted
                | Reason::GoalNotReached
                | Reason::NotAttempted
                | Reason::BenignInvalid
                | Reason::PreventedByIsolation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use std::collections::BTreeSet;

    #[test]
    fn the_documentation_tells_every_reason_once_and_no_other() {
        let text = include_str!("../../../../docs/verdicts.md");
        let (_, reasons) = text.split_once("## Reasons").expect("a chapter of reasons");
        let (reasons, _) = reasons.split_once("\n## ").expect("a chapter after it");
        let told: Vec<&str> = reasons
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .collect();
        let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(told.len(), known.len(), "a reason is told twice");
    }
}
