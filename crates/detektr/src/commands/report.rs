//! `detektr report RUN`: what a run did, as a page, as Markdown, for ATT&CK Navigator, as OCSF events, or as JSON.

use crate::cli::Context;
use crate::commands::behaviours;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::{unbuilt, verified};
use crate::replace::replace;
use crate::terminal::in_json;
use crate::units::show_size;
use detektr_evidence::Bundle;
use detektr_report::model::Report;
use detektr_report::{html, navigator, ocsf, report, run_markdown};
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

/// Tell what a run did: as one HTML file, Markdown, an ATT&CK Navigator layer, OCSF events, or JSON
///
/// The bundle is verified first; one that is not what was sealed gets no report. Without a form, --html is meant;
/// with --json alone, the report itself is written (schema/report.schema.json).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle (folder or .tar.zst)
    run: OsString,
    /// One self-contained HTML file
    #[arg(long, group = "form")]
    html: bool,
    /// Markdown, for a pull request or a wiki
    #[arg(long, group = "form")]
    markdown: bool,
    /// A layer for ATT&CK Navigator (format 4.5)
    #[arg(long, group = "form")]
    navigator: bool,
    /// Events of the Open Cybersecurity Schema Framework, one a line (NDJSON)
    #[arg(long, group = "form")]
    ocsf: bool,
    /// Where to write it; `-` is standard output [default: RUN.html in the working directory for --html, else standard
    /// output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
}

/// The forms of a report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Markdown,
    Navigator,
    Ocsf,
    Json,
}

impl Args {
    fn form(&self, json: bool) -> Form {
        match self {
            Args { markdown: true, .. } => Form::Markdown,
            Args { navigator: true, .. } => Form::Navigator,
            Args { ocsf: true, .. } => Form::Ocsf,
            Args { html: false, .. } if json => Form::Json,
            _ => Form::Html,
        }
    }
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let form = args.form(context.json);
    let path = context.store()?.find(&args.run)?;
    let (bundle, signer) = verified(&path)?;
    let to = target(&args, form, &bundle, context.json)?;
    let meaning = behaviours::of(&bundle)?;
    let report = report(&bundle, &signer, &meaning).map_err(|e| unbuilt(&bundle, e))?;
    let code = if report.ending.complete { exit::OK } else { exit::INCOMPLETE };
    let Some(file) = to else {
        write(&report, form, &bundle, &mut context.out)?;
        return Ok(code);
    };
    let unwritten = |e: io::Error| {
        Failure::usage("detektr::report::out", format!("can't write {}", shown(&file)))
            .because(e)
            .help("name a file in a folder that you may write to: --out FILE")
    };
    let mut content = Vec::new();
    write(&report, form, &bundle, &mut content)?;
    replace(&file, &content).map_err(unwritten)?;
    if context.json {
        context.out.document(&json!({"run": report.run, "file": in_json(&file), "size": content.len()}))?;
    } else {
        writeln!(context.out, "{} ({})", shown(&file), show_size(content.len() as u64))?;
    }
    Ok(code)
}

/// The file to write to; none for standard output.
fn target(args: &Args, form: Form, bundle: &Bundle, json: bool) -> Result<Option<PathBuf>, Failure> {
    let file = match &args.out {
        Some(out) if out.as_os_str() == "-" => None,
        Some(out) => Some(out.clone()),
        None if form == Form::Html => Some(PathBuf::from(format!("{}.html", bundle.manifest().run))),
        None => None,
    };
    if json && file.is_none() && form != Form::Json {
        return Err(Failure::usage(
            "detektr::report::out",
            "with --json, standard output is for the one JSON document",
        )
        .help("name a file for the report: --out FILE"));
    }
    if let Some(file) = file.as_ref().filter(|file| !args.force && file.symlink_metadata().is_ok()) {
        return Err(Failure::usage("detektr::report::exists", format!("{} is there already", shown(file)))
            .help("name another file with --out, or replace it with --force"));
    }
    Ok(file)
}

fn write(report: &Report, form: Form, bundle: &Bundle, out: &mut dyn Write) -> Result<(), Failure> {
    match form {
        Form::Html => out.write_all(html(report).map_err(io::Error::from)?.as_bytes())?,
        Form::Markdown => out.write_all(run_markdown(report).as_bytes())?,
        Form::Navigator => writeln!(out, "{:#}", navigator(report))?,
        Form::Ocsf => ocsf(report, bundle, out).map_err(|e| unbuilt(bundle, e))?,
        Form::Json => {
            serde_json::to_writer(&mut *out, report).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}
