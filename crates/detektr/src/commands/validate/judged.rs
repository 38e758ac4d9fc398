//! The judgement of a validation's arms, some of which may be run again for it, and what its engines say of them.

use super::{Args, Planned, unrunnable};
use crate::failure::Failure;
use crate::recording::with_sources;
use detektr_validate::Verdict;
use detektr_validate::engine::{self, Reply};
use detektr_validate::evaluate::{self, Judgement};
use detektr_validate::run::{Located, RunError};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Runs arms of `located` again that broke, for the sake of the verdicts; how many were run.
pub type Again<'a> = &'a dyn Fn(&mut [Located], &[Verdict]) -> Result<usize, RunError>;

/// The judgement of one validation, with the answers of its engines; arms that broke are run again by `again`, as often
/// as the arguments allow.
pub fn judged(
    one: &Planned,
    located: &mut [Located],
    today: &str,
    (args, home): (&Args, &Path),
    cancel: &AtomicBool,
    again: Again<'_>,
) -> Result<(Judgement, Vec<Reply>), Failure> {
    let ask = |located: &[Located], before| {
        engine::ask(&one.plan, &one.inputs, located, before, home, cancel).map_err(|e| {
            Failure::failed("detektr::engine", with_sources(&e))
                .help("make room in the data folder, or run the arm with --fresh")
        })
    };
    let evaluate = |located: &[Located], replies: &[Reply]| {
        evaluate::evaluate(&one.plan, &one.inputs, located, replies, today)
            .map_err(|e| Failure::failed("detektr::validate", with_sources(&e)))
    };
    let mut replies = ask(located, Vec::new())?;
    let mut judgement = evaluate(located, &replies)?;
    for _ in 0..args.retries.unwrap_or_default() {
        if args.arms_from.is_some() || again(located, &judgement.verdicts).map_err(|e| unrunnable(&e))? == 0 {
            break;
        }
        replies = ask(located, replies)?;
        judgement = evaluate(located, &replies)?;
    }
    Ok((judgement, replies))
}
