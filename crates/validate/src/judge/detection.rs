//! Did this detection fire? On what the attack did, and on nothing that the twin does.

use super::Reason;
use super::answer::Answer;
use super::arms::Arms;
use crate::facts::{Observed, Seen, Watched};
use crate::plan::{In, On, Role, Rules};
use crate::truth::Truth;

/// What the rules of one question said of one arm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// Why the rules could not be asked.
    pub not_loaded: Option<String>,
    /// Why an engine's answer can't be used.
    pub failed: Option<String>,
    /// Why nothing follows from the silence of a program that watched.
    pub deaf: Option<String>,
    /// Their matches.
    pub matches: Vec<Match>,
    /// What the log source would need to tell, where that could change the answer.
    pub undecided: Option<String>,
    /// Why the nearest rule did not match.
    pub why_not: Option<String>,
    /// What is known to be missing of the rules' own state.
    pub holes: Vec<String>,
    /// The highest level of the rules.
    pub level: Option<String>,
}

/// One match of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule's title.
    pub rule: String,
    /// The events.
    pub events: Vec<u64>,
    /// The fields that matched: name and value.
    pub fields: Vec<(String, String)>,
    /// It matched Detektr's launcher, or the name that Detektr gave the artifact, only.
    pub harness_only: bool,
}

impl Fired {
    /// Rules that could not be asked.
    pub fn not_loaded(why: impl Into<String>) -> Self {
        Fired { not_loaded: Some(why.into()), ..Fired::default() }
    }

    /// An engine whose answer can't be used.
    pub fn failed(why: impl Into<String>) -> Self {
        Fired { failed: Some(why.into()), ..Fired::default() }
    }

    /// What a watching program told: an alert is its match.
    pub(crate) fn told(name: &str, watched: &Watched) -> Self {
        let alert = |line: &String| Match {
            rule: name.to_owned(),
            events: Vec::new(),
            fields: vec![("alert".into(), line.clone())],
            harness_only: false,
        };
        Fired {
            matches: watched.alert.iter().map(alert).collect(),
            deaf: watched.deaf.clone(),
            ..Fired::default()
        }
    }

    /// Whether something matched on what the artifact did.
    pub fn matched(&self) -> bool {
        self.real().next().is_some()
    }

    fn real(&self) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(|found| !found.harness_only)
    }
}

pub(super) fn answer(arms: &Arms<'_>, rules: &Rules, arm: In, on: On) -> Answer {
    let mut answer = judge(arms, rules, arm, on).unwrap_or_else(|answer| answer);
    if arms.plan.goal.is_none() && on == On::Goal {
        answer.sentence += " (no goal is given: it is asked of an attack that was executed)";
    }
    answer
}

fn judge(arms: &Arms<'_>, rules: &Rules, arm: In, on: On) -> Result<Answer, Answer> {
    let attack = match (arm, &rules.monitor) {
        (In::Baseline, None) => Role::Baseline,
        // with what watches, and with nothing that prevents
        (In::Baseline, Some(name)) => arms.plan.arm_for(&Role::Only(name.clone())),
        (In::Treatment, _) => Role::Treatment,
    };
    let twins: &[Role] = match (arm, arms.plan.ordinary.is_some()) {
        _ if rules.monitor.is_some() => &[Role::Benign],
        (In::Baseline, false) => &[Role::BenignBaseline],
        (In::Baseline, true) => &[Role::Ordinary],
        (In::Treatment, false) => &[Role::Benign, Role::BenignBaseline],
        (In::Treatment, true) => &[Role::Benign, Role::BenignBaseline, Role::Ordinary],
    };
    let said = |role: &Role| {
        let fired = arms.fired(role).ok_or_else(|| {
            Answer::inconclusive(Reason::ArmMissing, format!("the arm {role} was not judged by the rules"))
        })?;
        if let (Some(why), Some(engine)) = (&fired.failed, &rules.command) {
            let sentence = format!("the engine `{}` did not answer for the arm {role}: {why}", engine.name());
            return Err(Answer::inconclusive(Reason::EngineFailed, sentence));
        }
        match &fired.not_loaded {
            None => Ok(fired),
            Some(why) => {
                Err(Answer::inconclusive(Reason::RuleNotLoaded, format!("the rule can't be used: {why}")))
            }
        }
    };
    let observed = arms.usable(&attack)?;
    let fired = said(&attack)?;
    // the twin's alarms are the rule's fault whatever the attack did
    let twins: Vec<&Observed> = twins.iter().map(|role| arms.usable(role)).collect::<Result<_, _>>()?;
    for twin in &twins {
        if let Some(found) = said(&twin.arm.role)?.real().next() {
            let what = if twin.arm.role == Role::Ordinary { "ordinary programs" } else { "the benign twin" };
            let sentence = format!("`{}` also fires on {what}: {}", found.rule, fields(found));
            return Ok(Answer::fails(Reason::FalsePositive, sentence).with(
                twin,
                "match",
                &found.events,
                fields(found),
            ));
        }
    }
    let happened = truth(arms, observed, on)?;
    if let Some(found) = fired.real().next() {
        check_twins(arms, &twins)?;
        for twin in &twins {
            let said = said(&twin.arm.role)?;
            if let Some(why) = &said.deaf {
                return Err(super::watching::deaf(&found.rule, &twin.arm.role, why));
            }
            if let Some(name) = &rules.monitor {
                super::watching::check_twin(arms, twin, name)?;
            }
            // an engine knows better than Detektr what its silence is worth
            if let (Some(why), Some(_)) = (&said.undecided, &rules.command) {
                let sentence = format!("in the arm {}: {why}", twin.arm.role);
                return Err(Answer::inconclusive(Reason::TelemetryMissing, sentence));
            }
        }
        let sentence = format!("`{}` fired on the attack: {}", found.rule, fields(found));
        let mut answer = Answer::holds(Reason::Detected, sentence)
            .with(observed, "match", &found.events, fields(found))
            .with(observed, "goal", &happened.events, "what it was asked on");
        if let Some(ordinary) = twins.iter().find(|twin| twin.arm.role == Role::Ordinary) {
            answer.sentence += &format!(
                "; in place of a twin, {} ordinary programs did not make it fire",
                ordinary.programs
            );
            answer = answer.note(format!("programs:{}", ordinary.programs));
        }
        if fired.real().count() > 1 {
            answer = answer.note(format!("matches:{}", fired.real().count()));
        }
        return Ok(answer);
    }
    if let Some(found) = fired.matches.first() {
        let sentence = format!(
            "`{}` matches only the name or the start of the attack's file, which Detektr chose: {}",
            found.rule,
            fields(found)
        );
        return Err(Answer::inconclusive(Reason::MatchedHarnessOnly, sentence).with(
            observed,
            "match",
            &found.events,
            fields(found),
        ));
    }
    if let (Some(name), Some(why)) = (&rules.monitor, &fired.deaf) {
        return Err(super::watching::deaf(name, &attack, why));
    }
    if let Some(needed) = &fired.undecided {
        return Err(Answer::inconclusive(Reason::TelemetryMissing, needed.clone()));
    }
    if let Some(hole) = fired.holes.first() {
        return Err(Answer::inconclusive(
            Reason::Incomplete,
            format!("the rule's state is incomplete: {hole}"),
        ));
    }
    if observed.missing.is_some() {
        return Err(arms.unknown(observed, "whether the rule would have fired"));
    }
    let missed = match (&rules.monitor, &rules.command) {
        (Some(name), _) => format!("`{name}` did not alert on the attack"),
        (None, Some(engine)) => format!("the engine `{}` found nothing of the attack", engine.name()),
        (None, None) => "no rule fired on the attack".to_owned(),
    };
    let mut answer = Answer::fails(Reason::Missed, missed).with(
        observed,
        "goal",
        &happened.events,
        "what it should have fired on",
    );
    if rules.command.is_some() {
        answer = answer.next("see whether the engine's view has what it looks for: detektr events RUN");
    }
    if let Some(why) = &fired.why_not {
        answer.sentence = format!("no rule fired on the attack: {why}");
        answer = answer.next("mend the field that is named; detektr rule check RULES RUN tells the others");
    }
    Ok(answer)
}

/// That what the detection is asked on happened.
fn truth(arms: &Arms<'_>, arm: &Observed, on: On) -> Result<Seen, Answer> {
    arms.ran(arm)?;
    match on {
        On::Attempt => {
            let attempted = arms.attempted(arm);
            match attempted.truth {
                Truth::Yes => Ok(attempted),
                Truth::No => {
                    let sentence = format!("the attack was not attempted in the arm {}", arm.arm.role);
                    Err(Answer::inconclusive(Reason::NotAttempted, sentence))
                }
                Truth::Unknown => Err(arms.unknown(arm, "whether the attack was attempted")),
            }
        }
        On::Goal if arm.arm.role == Role::Baseline => Ok(arms.successful_baseline()?.goal.clone()),
        On::Goal if arm.goal_before => {
            let sentence = "the goal is true before the attack runs, so reaching it says nothing";
            Err(Answer::inconclusive(Reason::GoalBefore, sentence))
        }
        On::Goal => match arm.goal.truth {
            Truth::Yes => Ok(arm.goal.clone()),
            Truth::No => {
                let sentence = format!("the attack did not reach its goal in the arm {}", arm.arm.role);
                Err(Answer::inconclusive(Reason::GoalNotReached, sentence).next("ask `on: attempt`"))
            }
            Truth::Unknown => Err(arms.unknown(arm, "whether the attack reached its goal")),
        },
    }
}

/// That the twins ran well enough for their silence to mean something.
pub(super) fn check_twins(arms: &Arms<'_>, twins: &[&Observed]) -> Result<(), Answer> {
    for twin in twins {
        if twin.arm.role != Role::Benign {
            match twin.works {
                Truth::Yes => {}
                Truth::No => {
                    let sentence = "the benign twin fails even without controls, so it shows nothing";
                    return Err(Answer::inconclusive(Reason::BenignInvalid, sentence));
                }
                Truth::Unknown => return Err(arms.unknown(twin, "whether the twin works")),
            }
        }
        if twin.missing.is_some() {
            return Err(arms.unknown(twin, "whether the rule is silent on the twin"));
        }
        if !twin.busy && twin.arm.role != Role::Benign {
            let sentence = "the benign twin does nothing, so nothing follows from its silence";
            return Err(Answer::inconclusive(Reason::BenignIdle, sentence));
        }
    }
    Ok(())
}

fn fields(found: &Match) -> String {
    let fields: Vec<String> =
        found.fields.iter().take(3).map(|(name, value)| format!("{name}={value}")).collect();
    fields.join(", ")
}
