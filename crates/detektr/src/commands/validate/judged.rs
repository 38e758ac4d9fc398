//! The judgement of a validation's arms, some of which may be run again for it.

use super::{Args, Planned, unrunnable};
use crate::failure::Failure;
use crate::recording::with_sources;
use detektr_validate::Verdict;
use detektr_validate::evaluate::{self, Judgement};
use detektr_validate::run::{Located, RunError};

/// Runs arms of `located` again that broke, for the sake of the verdicts; how many were run.
pub type Again<'a> = &'a dyn Fn(&mut [Located], &[Verdict]) -> Result<usize, RunError>;

/// The judgement of one validation; arms that broke are run again by `again`, as often as the arguments allow.
pub fn judged(
    one: &Planned,
    located: &mut [Located],
    today: &str,
    args: &Args,
    again: Again<'_>,
) -> Result<Judgement, Failure> {
    let evaluate = |located: &[Located]| {
        evaluate::evaluate(&one.plan, &one.inputs, located, today)
            .map_err(|e| Failure::failed("detektr::validate", with_sources(&e)))
    };
    let mut judgement = evaluate(located)?;
    for _ in 0..args.retries.unwrap_or_default() {
        if args.arms_from.is_some() || again(located, &judgement.verdicts).map_err(|e| unrunnable(&e))? == 0 {
            break;
        }
        judgement = evaluate(located)?;
    }
    Ok(judgement)
}
