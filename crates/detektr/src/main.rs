//! The `detektr` command: commands, terminal output, progress and exit codes. How anything is done is the
//! business of the crates below it.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod failure;
mod filter;
mod limits;
mod progress;
mod recording;
mod replace;
#[cfg(test)]
mod sample;
mod signals;
mod store;
mod terminal;
mod tree;
mod units;

use detektr_report::describe;

use clap::Parser as _;
use clap::error::ErrorKind;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // the hidden parts (an environment's first process, the reaper) are this same program under another first word
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&words) {
        detektr_sandbox::init_main();
    }
    ExitCode::from(run())
}

fn run() -> u8 {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return misunderstood(&told),
    };
    let mut context = cli::Context { json: cli.json, out: terminal::Out::new(cli.json) };
    let ready = if cli.makes_environments() {
        detektr_sandbox::use_subordinate_ids();
        context.store().and_then(|store| {
            detektr_sandbox::possible(store.home()).map_err(|no| failure::Failure::impossible(&no))
        })
    } else {
        Ok(())
    };
    let result =
        ready.and_then(|()| cli.run(&mut context)).and_then(|code| Ok(context.out.flush().map(|()| code)?));
    result.unwrap_or_else(|failure| {
        let code = failure.exit();
        if context.json {
            let _ = context.out.document(&failure.document());
        }
        let _ = context.out.flush();
        complain(&format!("{:?}", failure.report()));
        code
    })
}

/// Help and version are asked for; all else is wrong usage.
fn misunderstood(told: &clap::Error) -> u8 {
    if matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = told.print();
        return exit::OK;
    }
    // clap did not get as far as telling whether --json was among the arguments
    let json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if json {
        let text = told.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = failure::Failure::usage("detektr::usage", message).help("detektr --help");
        let mut out = terminal::Out::new(true);
        let _ = out.document(&failure.document()).and_then(|()| out.flush());
    }
    let _ = told.print();
    exit::USAGE
}

/// To standard error, whether or not anybody reads it.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
