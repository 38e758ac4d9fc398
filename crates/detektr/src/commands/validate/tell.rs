//! Verdicts for people: outcome, the operation that was stopped, the rule that fired, the one next step.

use super::Answered;
use super::github::Step;
use super::known::Compared;
use super::lists::{self, Flaky, Slow};
use crate::cli::Context;
use crate::failure::{Failure, shown};
use crate::terminal::{Out, clean, shorten};
use detektr_validate::judge::Part;
use detektr_validate::{Outcome, Truth, Verdict};
use std::io::Write as _;

/// Longest sentence that is shown.
const SENTENCE: usize = 600;
/// How many pieces of evidence are shown of each answer.
const LINKS: usize = 3;

/// Tells all that was answered.
pub fn all(
    answered: &[Answered],
    known: Option<&Compared>,
    step: Option<&Step>,
    context: &mut Context,
) -> Result<(), Failure> {
    if let Some(step) = step {
        step.begin(&mut context.out)?;
    }
    for one in answered {
        result(one, context)?;
    }
    if answered.is_empty() {
        writeln!(context.out, "nothing is to be asked")?;
    }
    let flaky: Vec<_> = answered.iter().flat_map(|one| lists::flaky(&one.document)).collect();
    end(known, &lists::slowest(answered.iter().flat_map(|one| &one.slow)), &flaky, context)?;
    if let Some(step) = step {
        step.end(&mut context.out)?;
    }
    Ok(())
}

/// Tells one validation's answers.
pub fn result(one: &Answered, context: &mut Context) -> Result<(), Failure> {
    let style = context.out.style;
    let document = &one.document;
    let reused = document.arms.iter().filter(|arm| arm.reused).count();
    let arms = document.plan.arms.len();
    let run = document.arms.len();
    let out = &mut context.out;
    let title = document.plan.title.as_deref().map(|title| format!("  {}", clean(title))).unwrap_or_default();
    writeln!(out, "{}{title}", style.bold(&clean(&document.plan.name())))?;
    let mut arms_line = format!("{run} of {arms} arms");
    if reused > 0 {
        arms_line += &format!(", {reused} run before");
    }
    if one.interrupted {
        arms_line += ", interrupted: what is done is kept, and the same command goes on from there";
    }
    writeln!(out, "{}", style.dim(&arms_line))?;
    for verdict in &document.verdicts {
        answer(verdict, out)?;
    }
    ablation(&document.ablation, out)?;
    writeln!(out, "result    {}", shown(&one.path))?;
    Ok(())
}

/// Tells which of the controls does the work.
pub fn ablation(parts: &[Part], out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    for part in parts {
        let said = [
            (part.necessary, "necessary"),
            (part.sufficient, "sufficient"),
            (part.redundant, "redundant"),
            (part.masked, "masked"),
            (part.harmful, "harmful to the twin"),
        ];
        let of =
            |wanted: Truth| said.iter().filter(move |(truth, _)| *truth == wanted).map(|(_, word)| *word);
        let mut words = of(Truth::Yes).collect::<Vec<_>>().join(", ");
        if words.is_empty() {
            words = if of(Truth::Unknown).next().is_some() { "not told" } else { "of no use here" }.into();
        }
        writeln!(out, "  control {}  {}", style.bold(&clean(&part.control)), style.cyan(&words))?;
        writeln!(out, "    {}", shorten(&clean(&part.sentence), SENTENCE))?;
    }
    Ok(())
}

/// Tells at the end of all what differs from the baseline, what was slow, and what is flaky.
fn end(
    known: Option<&Compared>,
    slow: &[Slow],
    flaky: &[Flaky],
    context: &mut Context,
) -> Result<(), Failure> {
    let style = context.out.style;
    let out = &mut context.out;
    if let Some(known) = known {
        let told = &known.differences;
        writeln!(
            out,
            "baseline  {}{}: {} regressed, {} better, {} changed, {} new, {} gone, {} known not to hold",
            shown(&known.path),
            if known.updated { " (written)" } else { "" },
            told.regressed.len(),
            told.better.len(),
            told.changed.len(),
            told.new.len(),
            told.gone.len(),
            told.known.len()
        )?;
        for (word, changes) in [
            (style.red("regressed"), &told.regressed),
            (style.green("better"), &told.better),
            (style.yellow("changed"), &told.changed),
            (style.yellow("new"), &told.new),
            (style.yellow("gone"), &told.gone),
        ] {
            for change in changes {
                writeln!(out, "  {word}  {}  {}", clean(&change.id), style.dim(&clean(&change.told())))?;
            }
        }
    }
    for one in slow {
        let took = format!("{:.1} s", one.milliseconds as f64 / 1000.0);
        writeln!(
            out,
            "slow      {took}  {} {} {}",
            clean(&one.validation),
            clean(&one.arm.to_string()),
            clean(&one.run)
        )?;
    }
    for one in flaky {
        let mut why: Vec<String> = one
            .retried
            .iter()
            .map(|(arm, runs)| format!("{arm} run again after {}", runs.join(", ")))
            .collect();
        if one.repeats_disagree {
            why.push("the repeats disagree".into());
        }
        writeln!(out, "{}     {}  {}", style.yellow("flaky"), clean(&one.id), clean(&why.join("; ")))?;
    }
    Ok(())
}

/// Tells one answer.
pub fn answer(verdict: &Verdict, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    let word = match (verdict.verdict, verdict.accepted) {
        (Outcome::Holds, _) => style.green("holds"),
        (Outcome::Fails, true) => style.yellow("fails (accepted)"),
        (Outcome::Fails, false) => style.red("fails"),
        (Outcome::Inconclusive, _) => style.yellow("inconclusive"),
    };
    let severity = verdict.severity.as_deref().map(|s| format!(", {}", clean(s))).unwrap_or_default();
    let reason = format!("({}{severity})", clean(&verdict.reason));
    writeln!(out, "  {word}  {}  {}", style.bold(&clean(&verdict.question)), style.dim(&reason))?;
    writeln!(out, "    {}", shorten(&clean(&verdict.sentence), SENTENCE))?;
    if let Some(why) = &verdict.unexpected {
        writeln!(out, "    {} {}", style.red("unexpected:"), clean(why))?;
    }
    for link in verdict.evidence.iter().take(LINKS) {
        let events: Vec<String> = link.events.iter().take(5).map(u64::to_string).collect();
        let place = format!("{} {} #{}", link.arm, link.run, events.join(" #"));
        writeln!(out, "    {} {}", style.dim(&clean(&place)), shorten(&clean(&link.what), 200))?;
    }
    if let Some(next) = &verdict.next {
        writeln!(out, "    {} {}", style.cyan("next:"), shorten(&clean(next), SENTENCE))?;
    }
    Ok(())
}
