//! `detektr judge RESULT`: the verdicts of a result, made again from its own inputs and bundles.

use crate::cli::Context;
use crate::commands::validate::{exit_code, tell};
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::with_sources;
use detektr_validate::evaluate;
use detektr_validate::result::SealedResult;
use detektr_validate::run::Located;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Judge a result again, from the bundles and rules that it names
///
/// The same Detektr gives the same bytes on any machine. Bundles are taken from the result's own folder, else from
/// the data folder. The exit code is that of the verdicts, or 1 where they are not those of the result.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of a result
    result: PathBuf,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let result = SealedResult::open(&args.result).map_err(|e| {
        Failure::usage("detektr::result", with_sources(&e))
            .help("name the folder of a result that nothing was changed in since `detektr validate` wrote it")
    })?;
    let document = &result.document;
    if document.evaluator != env!("CARGO_PKG_VERSION") {
        return Err(Failure::usage(
            "detektr::result::evaluator",
            format!(
                "Detektr {} judged this result, and this is {}",
                document.evaluator,
                env!("CARGO_PKG_VERSION")
            ),
        )
        .help("judge it with that version; another one may judge otherwise"));
    }
    let runs = context.store()?.runs();
    let located: Vec<Located> = document
        .arms
        .iter()
        .map(|arm| Located {
            arm: arm.clone(),
            bundle: result.carried(&arm.run).unwrap_or_else(|| runs.join(&arm.run)),
        })
        .collect();
    if let Some(missing) = located.iter().find(|one| !one.bundle.exists()) {
        return Err(Failure::usage(
            "detektr::result::bundle",
            format!("the bundle of run {} is neither in the result nor in {}", missing.arm.run, shown(&runs)),
        )
        .help("`detektr validate --out DIR` makes a result that carries its bundles along"));
    }
    let evaluate::Judgement { verdicts, ablation } =
        evaluate::evaluate(&document.plan, &result.inputs, &located, &document.engines, &document.today)
            .map_err(|e| Failure::failed("detektr::judge", with_sources(&e)))?;
    let same = verdicts == document.verdicts && ablation == document.ablation;
    if context.json {
        let mut told = json!({ "verdicts": verdicts, "same": same, "signer": result.signer.id() });
        if document.plan.ablate {
            told["ablation"] = json!(ablation);
        }
        context.out.document(&told)?;
    } else {
        for verdict in &verdicts {
            tell::answer(verdict, &mut context.out)?;
        }
        tell::ablation(&ablation, &mut context.out)?;
        let style = context.out.style;
        let word = if same { style.green("the same verdicts") } else { style.red("other verdicts") };
        writeln!(context.out, "{word} as in {}, signed by {}", shown(&args.result), result.signer.id())?;
    }
    Ok(if same { exit_code(&verdicts, None, false) } else { exit::FAILS })
}
