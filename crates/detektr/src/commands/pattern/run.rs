//! `detektr pattern run ID…`: every variant and the twin are run, and it is told whether they do what the pattern says.

use super::{LibraryArgs, unknown};
use crate::cli::Context;
use crate::commands::arms::ArmsArgs;
use crate::commands::place::PlaceArgs;
use crate::commands::validate::unrunnable;
use crate::exit;
use crate::failure::Failure;
use crate::progress::Arms;
use crate::recording::with_sources;
use crate::signals::end_on_signals;
use crate::terminal::{Style, clean};
use detektr_detonate::Detonator;
use detektr_validate::Arm;
use detektr_validate::pattern::prove::{self, Proof, Proved};
use detektr_validate::pattern::{Pattern, Variant};
use detektr_validate::run::{self as arms, Stage};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run patterns, and tell whether each variant reaches the goal and the twin does not
///
/// Each variant and the twin is a detonation of its own, whose sealed bundle stays. The exit code is 0 where every variant that
/// can run here is proven, 1 where one is not, 3 where one can't be told or was not run, 2 and 4 as everywhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    library: LibraryArgs,
    /// Patterns, or single variants: ID#VARIANT
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// Every pattern
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    arms: ArmsArgs,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let library = args.library.library()?;
    let mut chosen: Vec<(&Pattern, &Variant)> = Vec::new();
    if args.all {
        for pattern in library.patterns() {
            chosen.extend(pattern.variants.iter().map(|variant| (pattern, variant)));
        }
    }
    for id in &args.ids {
        let named = library.named(id).map_err(unknown)?;
        chosen.extend(named.variants().map(|variant| (named.pattern, variant)));
    }
    let store = context.store()?;
    store.prepare()?;
    let detonator = Detonator::new();
    let surroundings = args.place.surroundings(&detonator, true)?;
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(&cancel)?;
    let plans: Vec<_> = chosen
        .into_iter()
        .map(|(pattern, variant)| {
            let missing = prove::missing(pattern, variant, &surroundings);
            let plan = prove::plan(pattern, variant, surroundings.clone());
            (pattern, variant, missing.map_or(Ok(plan), Err))
        })
        .collect();
    let runnable = plans.iter().filter_map(|(.., plan)| plan.as_ref().ok());
    let runnable = runnable.map(|(plan, inputs)| (plan, inputs));
    arms::check_each(runnable, &detonator, &args.arms.settings(store.home(), &cancel, &|_, _| {}))
        .map_err(|(_, e)| unrunnable(&e))?;
    let mut proofs = Vec::new();
    for (pattern, variant, plan) in plans {
        let (plan, inputs) = match plan {
            Ok(plan) => plan,
            Err(program) => {
                proofs.push(Proved::missing(pattern, variant, program));
                continue;
            }
        };
        let live = Arms::new(context.json, &plan.name(), plan.arms.len());
        let progress = |arm: &Arm, stage: Stage| live.tell(arm, stage);
        let located =
            arms::run(&plan, &inputs, &detonator, &args.arms.settings(store.home(), &cancel, &progress))
                .map_err(|e| unrunnable(&e))?;
        live.clear();
        let proof = prove::prove(pattern, variant, &plan, &located)
            .map_err(|e| Failure::failed("detektr::pattern", with_sources(&e)))?;
        if !context.json {
            tell(&proof, context)?;
        }
        proofs.push(proof);
        if cancel.load(Ordering::Relaxed) {
            break;
        }
    }
    let interrupted = cancel.load(Ordering::Relaxed);
    if context.json {
        context.out.document(&json!({"proofs": proofs, "interrupted": interrupted}))?;
    } else {
        summary(&proofs, interrupted, context)?;
    }
    Ok(exit_code(&proofs, interrupted))
}

fn tell(proof: &Proved, context: &mut Context) -> std::io::Result<()> {
    let style = context.out.style;
    let name = format!("{}#{}", clean(&proof.pattern), clean(&proof.variant));
    let events: Vec<String> = proof.events.iter().take(4).map(|event| format!("#{event}")).collect();
    let run = proof.run.as_deref().map(clean).unwrap_or_default();
    let shown = format!("{:<12}", proof.proof.name());
    write!(context.out, "  {} {name:<44} {run} {}", coloured(proof.proof, &shown, style), events.join(" "))?;
    if proof.why.is_empty() {
        return writeln!(context.out);
    }
    writeln!(context.out, " {}", clean(&proof.why))
}

fn coloured(proof: Proof, text: &str, style: Style) -> String {
    match proof {
        Proof::Proven => style.green(text),
        Proof::NotReached | Proof::TwinReaches | Proof::TwinFails => style.red(text),
        Proof::NotRunnable | Proof::Inconclusive => style.yellow(text),
    }
}

fn summary(proofs: &[Proved], interrupted: bool, context: &mut Context) -> std::io::Result<()> {
    for proof in proofs.iter().filter(|proof| proof.proof == Proof::NotRunnable) {
        tell(proof, context)?;
    }
    let count = |wanted: Proof| proofs.iter().filter(|proof| proof.proof == wanted).count();
    let others: Vec<String> =
        [Proof::NotReached, Proof::TwinReaches, Proof::TwinFails, Proof::Inconclusive, Proof::NotRunnable]
            .into_iter()
            .filter(|proof| count(*proof) > 0)
            .map(|proof| format!("{} {}", count(proof), proof.name()))
            .collect();
    let rest = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    let cut = if interrupted { "; interrupted: what is done is kept" } else { "" };
    writeln!(context.out, "{} of {} variants proven{rest}{cut}", count(Proof::Proven), proofs.len())
}

fn exit_code(proofs: &[Proved], interrupted: bool) -> u8 {
    let any = |wanted: &[Proof]| proofs.iter().any(|proof| wanted.contains(&proof.proof));
    if any(&[Proof::NotReached, Proof::TwinReaches, Proof::TwinFails]) {
        exit::FAILS
    } else if interrupted || any(&[Proof::Inconclusive, Proof::NotRunnable]) {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}
