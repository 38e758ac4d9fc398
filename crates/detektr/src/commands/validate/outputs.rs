//! What `validate` writes for other programs: plans, the JSON document, JUnit, Markdown, SARIF, GitLab's report, and the
//! bundles that a result carries along.

use super::known::{Compared, KnownVerdicts};
use super::{Answered, Args, lists};
use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::replace::{replace, writable};
use crate::terminal::in_json;
use detektr_report::Placed;
use detektr_validate::run::Located;
use detektr_validate::{Plan, Verdict};
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Prints the plans.
pub fn plans<'a>(plans: impl Iterator<Item = &'a Plan>, context: &mut Context) -> Result<u8, Failure> {
    context.out.document(&json!({ "plans": plans.collect::<Vec<_>>() }))?;
    Ok(exit::OK)
}

/// The one JSON document.
pub fn document(
    answered: &[Answered],
    verdicts: &[Verdict],
    known: Option<&Compared>,
    context: &mut Context,
) -> Result<(), Failure> {
    let results: Vec<_> = answered
        .iter()
        .map(|one| {
            let mut result = json!({
                "validation": one.document.plan.validation,
                "variant": one.document.plan.variant,
                "result": one.document.id,
                "path": in_json(&one.path),
                "interrupted": one.interrupted,
            });
            if one.document.plan.ablate {
                result["ablation"] = json!(one.document.ablation);
            }
            result
        })
        .collect();
    let mut document = json!({
        "verdicts": verdicts,
        "results": results,
        "slow": lists::slowest(answered.iter().flat_map(|one| &one.slow)),
        "flaky": answered.iter().flat_map(|one| lists::flaky(&one.document)).collect::<Vec<_>>(),
    });
    if let Some(known) = known {
        document["baseline"] = json!({
            "path": in_json(&known.path),
            "updated": known.updated,
            "differences": known.differences,
        });
    }
    context.out.document(&document)?;
    Ok(())
}

/// Checks, before anything runs, that the files can be written that the arguments ask for.
pub fn check(args: &Args, known: Option<&KnownVerdicts>) -> Result<(), Failure> {
    let reports = [&args.junit, &args.markdown, &args.sarif, &args.gitlab].into_iter().flatten();
    writable(reports.map(PathBuf::as_path).chain(known.and_then(KnownVerdicts::written)))
}

/// The files that the arguments ask for.
pub fn write(
    args: &Args,
    answered: &[Answered],
    verdicts: &[Placed<'_>],
    known: Option<&Compared>,
) -> Result<(), Failure> {
    if let Some(path) = &args.junit {
        let text = detektr_report::junit(verdicts)
            .map_err(|e| Failure::failed("detektr::junit", "can't write the verdicts as XML").because(e))?;
        file(path, &text)?;
    }
    if let Some(path) = &args.markdown {
        let differences = known.map(|known| detektr_report::compared(&known.differences)).unwrap_or_default();
        let ablations = answered
            .iter()
            .map(|one| detektr_report::ablation_markdown(&one.document.plan.name(), &one.document.ablation));
        file(path, &(detektr_report::markdown(verdicts) + &ablations.collect::<String>() + &differences))?;
    }
    if let Some(path) = &args.sarif {
        file(path, &detektr_report::sarif(verdicts, env!("CARGO_PKG_VERSION")))?;
    }
    if let Some(path) = &args.gitlab {
        file(path, &detektr_report::gitlab(verdicts))?;
    }
    Ok(())
}

fn file(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text.as_bytes()).map_err(|e| {
        Failure::failed("detektr::report", format!("can't write {}", shown(path)))
            .because(e)
            .help("name a file in a folder that you may write to")
    })
}

/// Copies the bundles into the folder of a result, so that it can be judged on another machine.
pub fn carry(result: &Path, located: &[Located]) -> io::Result<()> {
    let runs = result.join("runs");
    fs::create_dir_all(&runs)?;
    located.iter().try_for_each(|one| match one.bundle.is_dir() {
        true => copy(&one.bundle, &runs.join(&one.arm.run)),
        false => fs::copy(&one.bundle, runs.join(format!("{}.tar.zst", one.arm.run))).map(drop),
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
