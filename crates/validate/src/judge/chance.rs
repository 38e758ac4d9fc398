//! Attacks that are a matter of luck: where the goal is reached in only some baselines, its absence in the treatments
//! must be more than luck (Fisher's exact test, one-sided).

use super::Reason;
use super::answer::Answer;
use super::arms::Arms;
use crate::plan::Role;
use crate::truth::Truth;
use crate::verdict::Outcome;

/// The level of significance.
const LEVEL: f64 = 0.05;
/// Most repeats that are suggested.
const MOST: u64 = 1000;

/// The answer where what failed in some repeats is only that the baseline did not reach its goal.
pub(super) fn lucky(cases: &[Arms<'_>], answers: &[Answer]) -> Option<Answer> {
    let unlucky = |answer: &&Answer| answer.reason == Reason::GoalNotReached;
    let (held, missed) = (
        answers.iter().filter(|answer| answer.outcome == Outcome::Holds).count(),
        answers.iter().filter(unlucky).count(),
    );
    if held == 0 || missed == 0 || held + missed != answers.len() {
        return None;
    }
    let whole = |case: &&Arms<'_>| {
        case.usable(&Role::Treatment).is_ok_and(|arm| arm.goal.truth == Truth::No && arm.missing.is_none())
    };
    let treatments = cases.iter().filter(whole).count();
    if treatments != cases.len() {
        return None;
    }
    let (reached, total) = (held as u64, answers.len() as u64);
    let p = fisher(reached, total, total);
    let first = answers.iter().find(|answer| answer.outcome == Outcome::Holds)?;
    if p <= LEVEL {
        let mut answer = first.clone();
        answer.sentence = format!(
            "{} (the attack reached its goal in {reached} of {total} baselines and in none of {total} treatments, p = {p:.3})",
            answer.sentence
        );
        return Some(answer);
    }
    let enough = enough(reached, total);
    let sentence = format!(
        "the attack reaches its goal in {reached} of {total} baselines only, so its absence in {total} treatments may be luck (p = {p:.3})"
    );
    let answer = Answer::inconclusive(Reason::TooFewRepeats, sentence);
    Some(match enough {
        Some(number) => answer.next(format!("repeat {number} times: --repeat {number}")),
        None => answer,
    })
}

/// The probability of no success in `treatments`, given that `reached` of `baselines` succeed and that the controls
/// do nothing.
fn fisher(reached: u64, baselines: u64, treatments: u64) -> f64 {
    let all = baselines + treatments;
    // C(baselines, reached) / C(all, reached)
    (0..reached).map(|at| (baselines - at) as f64 / (all - at) as f64).product()
}

/// The number of repeats that would do at the same rate of success.
fn enough(reached: u64, total: u64) -> Option<u64> {
    (total..=MOST).find(|number| fisher(number * reached / total, *number, *number) <= LEVEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_is_that_of_fishers_exact_test() {
        // 3 of 3 against 0 of 3: 1/20
        assert!((fisher(3, 3, 3) - 0.05).abs() < 1e-12);
        // 5 of 10 against 0 of 10: C(10,5)/C(20,5) = 252/15504
        assert!((fisher(5, 10, 10) - 252.0 / 15504.0).abs() < 1e-12);
        assert!((fisher(1, 2, 2) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_suggested_number_is_the_smallest_that_does() {
        let number = enough(1, 2).unwrap();
        assert!(fisher(number / 2, number, number) <= LEVEL);
        assert!(fisher((number - 1) / 2, number - 1, number - 1) > LEVEL);
    }
}
