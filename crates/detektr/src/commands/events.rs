//! `detektr events RUN`: the events of a run, those that are wanted.

use crate::cli::Context;
use crate::describe;
use crate::failure::Failure;
use crate::filter::{self, Filter, OutcomePattern, ProcessPattern};
use crate::recording::Recording;
use crate::terminal::{Style, copied};
use detektr_event::glob::Glob;
use detektr_event::{Event, Kind, OutcomeResult};
use std::ffi::OsString;
use std::io::Write as _;

/// Show the events of a run
///
/// With --json, one event a line (NDJSON), as in the bundle. Options of different names must all hold; of one
/// name given several times, any.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    run: OsString,
    /// Kind of event, or a family: file.open, network
    #[arg(long, value_name = "KIND", value_parser = filter::kinds, action = clap::ArgAction::Append)]
    kind: Vec<Vec<Kind>>,
    /// Process by id, by number, or by the name or path of its program
    #[arg(long, value_name = "ID|PID|NAME")]
    process: Vec<ProcessPattern>,
    /// Path: a prefix (/etc), or a pattern with `*`, `?`, `**`
    #[arg(long, value_name = "PATH|GLOB")]
    path: Vec<Glob>,
    /// How it ended: success, failure, unfinished, or an error such as EACCES
    #[arg(long, value_name = "OUTCOME")]
    outcome: Vec<OutcomePattern>,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let recording = Recording::open(&context.store()?, &args.run)?;
    let filter = Filter {
        kinds: args.kind.into_iter().flatten().collect(),
        processes: args.process,
        paths: args.path,
        outcomes: args.outcome,
    };
    let mut begin = None;
    recording.each(|event| {
        let begin = *begin.get_or_insert(event.boot_ns);
        if !filter.wants(&event) {
            return Ok(true);
        }
        if context.json {
            serde_json::to_writer(&mut context.out, &event).map_err(std::io::Error::from)?;
            context.out.write_all(b"\n")?;
        } else {
            let style = context.out.style;
            writeln!(context.out, "{}", line(&event, begin, style))?;
        }
        Ok(!context.out.closed())
    })
}

fn line(event: &Event, begin: u64, style: Style) -> String {
    let since = event.boot_ns.saturating_sub(begin);
    let time = format!("{:>5}.{:06}", since / 1_000_000_000, since / 1_000 % 1_000_000);
    let (pid, name) = match &event.process {
        Some(process) => {
            let exe = copied(&process.exe);
            let name = exe.rsplit('/').next().unwrap_or_default().to_owned();
            (process.pid.to_string(), name)
        }
        None => ("-".into(), "-".into()),
    };
    let ending = describe::ending(event);
    let ending = match event.outcome.result {
        _ if ending.is_empty() => ending,
        OutcomeResult::Failure => format!("  {}", style.red(&ending)),
        _ => format!("  {}", style.yellow(&ending)),
    };
    format!(
        "{:>6} {} {:>6} {:<15} {} {}{ending}",
        event.seq,
        style.dim(&time),
        pid,
        name,
        style.cyan(&format!("{:<20}", event.kind().name())),
        describe::object(&event.detail),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use detektr_event::{Detail, Exit, Outcome};

    #[test]
    fn a_line_tells_number_time_process_kind_object_and_ending() {
        let mut event = sample::open(5, "/usr/bin/cat", "/etc/shadow");
        event.boot_ns = 3_500_000_000;
        event.outcome = Outcome::failure("EACCES");
        assert_eq!(
            line(&event, 1_000_000_000, Style::default()),
            "     5     2.500000      7 cat             file.open            /etc/shadow  EACCES"
        );
    }

    #[test]
    fn a_line_of_an_evil_bundle_has_no_control_characters() {
        let exit = Exit {
            code: None,
            signal: Some("SIG\x1b[2J\n".into()),
            core: false,
            thread: false,
            cpu_ns: None,
        };
        let mut event = sample::event(
            1,
            sample::process(2, 1, "/tmp/\x1b[31m\n"),
            Outcome::SUCCESS,
            Detail::ProcessExit { exit },
        );
        event.outcome.enforcer = Some("\x1b]0;x\x07".into());
        event.outcome.result = OutcomeResult::Failure;
        let line = line(&event, 0, Style::default());
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
