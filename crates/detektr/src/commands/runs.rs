//! `detektr runs`: what is in the data folder.

use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::store::Stored;
use crate::terminal::{in_json, shorten, words_line};
use detektr_event::Text;
use detektr_evidence::{Bundle, EvidenceError, Exit, Manifest, recover};
use serde::Serialize;
use std::io::Write as _;

/// List the runs of the data folder, the newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// At most this many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Row {
    run: String,
    bundle: Text,
    /// A state of a detonation, or `running`, `unfinished`, `damaged`.
    state: String,
    complete: bool,
    started: Option<String>,
    artifact: Option<String>,
    exit: Option<Exit>,
    events: Option<u64>,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let store = context.store()?;
    // what a killed command left goes with whatever comes next
    detektr_sandbox::sweep(&store.home().join("work"));
    let mut stored = store.list()?;
    stored.truncate(args.limit.unwrap_or(usize::MAX));
    let rows: Vec<Row> = stored.into_iter().map(row).collect();
    if context.json {
        context.out.document(&serde_json::json!({"runs": rows}))?;
        return Ok(exit::OK);
    }
    let style = context.out.style;
    if rows.is_empty() {
        writeln!(context.out, "no runs yet; make one: detektr detonate ARTIFACT")?;
    }
    for row in &rows {
        let state = style.state(&row.state) + &" ".repeat(18usize.saturating_sub(row.state.len()));
        let whole = if row.complete { "" } else { "incomplete" };
        writeln!(
            context.out,
            "{}  {}  {state} {}  {:>8}  {}",
            style.bold(&row.run),
            row.started.as_deref().and_then(|time| time.get(..19)).unwrap_or("                   "),
            style.yellow(&format!("{whole:<10}")),
            row.events.map_or_else(|| "-".into(), |events| events.to_string()),
            shorten(row.artifact.as_deref().unwrap_or_default(), 60),
        )?;
    }
    Ok(exit::OK)
}

fn row(stored: Stored) -> Row {
    let bare = |state: &str| Row {
        run: stored.id.clone(),
        bundle: in_json(&stored.path),
        state: state.into(),
        complete: false,
        started: None,
        artifact: None,
        exit: None,
        events: None,
    };
    if stored.partial {
        return match recover(&stored.path) {
            Err(EvidenceError::InUse(_)) => bare("running"),
            Ok(leftover) => {
                let started = leftover.start().map(|start| start.started.to_string());
                Row { started, ..bare("unfinished") }
            }
            Err(_) => bare("damaged"),
        };
    }
    match Bundle::open(&stored.path) {
        Ok(bundle) => sealed(&stored, bundle.manifest()),
        Err(_) => bare("damaged"),
    }
}

fn sealed(stored: &Stored, manifest: &Manifest) -> Row {
    Row {
        run: stored.id.clone(),
        bundle: in_json(&stored.path),
        state: manifest.state.name().into(),
        complete: manifest.complete,
        started: manifest.phases.first().map(|phase| phase.start.to_string()),
        artifact: Some(words_line(&manifest.artifact.argv, 1_000)),
        exit: manifest.exit.clone(),
        events: Some(manifest.events),
    }
}
