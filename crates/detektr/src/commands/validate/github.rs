//! What is done where GitHub Actions runs it: annotations, the job's summary, and output that no command hides in.

use super::known::Compared;
use super::places;
use crate::failure::{Failure, shown};
use detektr_report::{Placed, compared, github, markdown};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::path::PathBuf;

/// GitHub takes no more of a step's summary than 1 MiB, and nothing of one that is larger.
const SUMMARY: usize = 1_000_000;

/// A step of GitHub Actions.
pub struct Step {
    summary: Option<PathBuf>,
    /// What ends and begins the part of the output that no command is looked for in.
    deaf: (String, String),
}

impl Step {
    /// The step that this runs in, if it does.
    pub fn here() -> Result<Option<Step>, Failure> {
        if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
            return Ok(None);
        }
        let token = token().map_err(|e| Failure::failed("detektr::github", "no random number").because(e))?;
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
        let step = Step { summary: summary.map(PathBuf::from), deaf: github::deaf(&token) };
        // what can't be written is told before anything runs
        step.add("").map_err(Failure::into_usage)?;
        Ok(Some(step))
    }

    /// Begins the part of the output in which what an artifact made may stand.
    pub fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.deaf.0.as_bytes())
    }

    /// Ends it.
    pub fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.deaf.1.as_bytes())
    }

    /// Writes the annotations.
    pub fn annotate(
        &self,
        verdicts: &[Placed<'_>],
        known: Option<&Compared>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(github::annotations(verdicts).as_bytes())?;
        let Some(known) = known else { return Ok(()) };
        out.write_all(github::gone(&places::shown_at(&known.path), &known.excused.gone).as_bytes())
    }

    /// Adds to the job's summary.
    pub fn summarize(&self, verdicts: &[Placed<'_>], known: Option<&Compared>) -> Result<(), Failure> {
        let mut text = format!("## Detektr\n\n{}", markdown(verdicts));
        if let Some(known) = known {
            text += &compared(&known.differences);
        }
        self.add(&bounded(text))
    }

    /// Adds `text` to the job's summary.
    fn add(&self, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.summary else { return Ok(()) };
        // it is added to what other steps wrote, so it is not put in place whole
        let added = OpenOptions::new().append(true).create(true).open(path);
        added.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| {
            Failure::failed("detektr::github::summary", format!("can't write {}", shown(path)))
                .because(e)
                .help("GITHUB_STEP_SUMMARY must name a file that may be written to")
        })
    }
}

/// `text`, cut at the end of a line where it is too long.
fn bounded(mut text: String) -> String {
    if text.len() > SUMMARY {
        let end = text.floor_char_boundary(SUMMARY);
        text.truncate(text[..end].rfind('\n').unwrap_or(end));
        text += "\n\n… and more: `detektr validate --markdown FILE` writes all of it.\n";
    }
    text
}

/// 128 random bits.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_that_is_too_long_is_cut_and_says_so() {
        assert_eq!(bounded("short\n".into()), "short\n");
        let long = bounded("ä line\n".repeat(SUMMARY));
        assert!(long.len() < 1 << 20 && long.contains("and more") && long.contains("ä line\n\n…"));
    }
}
