//! Why a command could not do its work: what was wrong, where, what to do about it, and the exit code.

use crate::exit;
use crate::terminal::clean;
use miette::Diagnostic;
use std::fmt;
use std::path::Path;

/// Why a command ended without doing its work.
pub struct Failure {
    exit: u8,
    body: Body,
}

enum Body {
    Own { code: &'static str, message: String, help: Option<String>, cause: Option<String> },
    Foreign(miette::Report),
}

impl Failure {
    /// Bad input, or wrong usage: exit code 2.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Failure::new(exit::USAGE, code, message.into())
    }

    /// The environment or Detektr failed: exit code 4.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Failure::new(exit::FAILED, code, message.into())
    }

    /// What there is, is not whole: exit code 3.
    pub fn incomplete(code: &'static str, message: impl Into<String>) -> Self {
        Failure::new(exit::INCOMPLETE, code, message.into())
    }

    /// No environment can be made on this host.
    pub fn impossible(no: &detektr_sandbox::Impossible) -> Self {
        Failure::failed("detektr::environment", format!("no environment can be made here: {}", no.why))
            .help(no.remedy.as_str())
    }

    /// A diagnostic of another crate, with the exit code that it means here.
    pub fn foreign(exit: u8, report: miette::Report) -> Self {
        Failure { exit, body: Body::Foreign(report) }
    }

    /// The same, found before anything ran: exit code 2.
    pub fn into_usage(self) -> Self {
        Failure { exit: exit::USAGE, ..self }
    }

    /// With the remedy.
    pub fn help(mut self, remedy: impl Into<String>) -> Self {
        if let Body::Own { help, .. } = &mut self.body {
            *help = Some(clean_lines(&remedy.into()));
        }
        self
    }

    /// With what the system said.
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        if let Body::Own { cause, .. } = &mut self.body {
            *cause = Some(clean_lines(&why.to_string()));
        }
        self
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        self.exit
    }

    /// For standard error.
    pub fn report(self) -> miette::Report {
        match self.body {
            Body::Foreign(report) => report,
            own @ Body::Own { .. } => miette::Report::new(Told(own)),
        }
    }

    /// For `--json`: `{"error": {"code", "message", "help"}, "exit"}`.
    pub fn document(&self) -> serde_json::Value {
        let (code, message, help) = match &self.body {
            Body::Own { code, message, help, cause } => {
                let message = match cause {
                    Some(cause) => format!("{message}: {cause}"),
                    None => message.clone(),
                };
                ((*code).to_owned(), message, help.clone())
            }
            Body::Foreign(report) => (
                report.code().map(|c| c.to_string()).unwrap_or_default(),
                related(report.as_ref()),
                report.help().map(|h| h.to_string()),
            ),
        };
        serde_json::json!({"error": {"code": code, "message": message, "help": help, "exit": self.exit}})
    }

    fn new(exit: u8, code: &'static str, message: String) -> Self {
        Failure { exit, body: Body::Own { code, message: clean_lines(&message), help: None, cause: None } }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.document(), self.exit)
    }
}

/// Writing the output failed for another reason than a reader that went away.
impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Failure::failed("detektr::output", "can't write the output").because(e)
    }
}

/// A diagnostic with all that belongs to it (each mistake in a file, with its place) in one sentence.
fn related(report: &dyn Diagnostic) -> String {
    let parts = report.related().into_iter().flatten().map(related);
    std::iter::once(report.to_string()).chain(parts).collect::<Vec<_>>().join("; ")
}

/// A path for a message.
pub fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    crate::terminal::clean_bytes(path.as_os_str().as_bytes())
}

/// [`clean`], but lines stay lines.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// A failure of our own, as miette wants it.
struct Told(Body);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Body::Own { message, cause: Some(cause), .. } => write!(f, "{message}: {cause}"),
            Body::Own { message, .. } => f.write_str(message),
            Body::Foreign(report) => fmt::Display::fmt(report, f),
        }
    }
}
impl std::error::Error for Told {}
impl Diagnostic for Told {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match &self.0 {
            Body::Own { code, .. } => Some(Box::new(code)),
            Body::Foreign(_) => None,
        }
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match &self.0 {
            Body::Own { help: Some(help), .. } => Some(Box::new(help)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_why_and_the_remedy_without_escapes() {
        let failure =
            Failure::usage("detektr::x", "no \x1b[31mfile").because("it is gone").help("look again");
        assert_eq!(
            failure.document(),
            serde_json::json!({"error": {"code": "detektr::x", "message": "no \\x1b[31mfile: it is gone",
                "help": "look again", "exit": 2}})
        );
        let text = format!("{:?}", failure.report());
        for part in ["detektr::x", "it is gone", "look again"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
