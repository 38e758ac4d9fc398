//! What is written for people on a terminal: where it goes, and colour. Strings that an artifact made are cleaned by
//! the functions that are handed on from `detektr_report`.

use detektr_event::Text;
pub use detektr_report::clean::{clean, clean_bytes, command_line, copied, shorten, words_line};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path for a JSON document: text, or its bytes as `{"hex": …}` where it is none.
pub fn in_json(path: &Path) -> Text {
    Text::from(path.as_os_str().as_bytes())
}

/// Standard output. A reader that went away (`| head`) is no error: what is written from then on goes nowhere.
pub struct Out {
    inner: io::BufWriter<io::Stdout>,
    closed: bool,
    /// How to colour.
    pub style: Style,
}

impl Out {
    /// Standard output, with colour where it is a terminal that wants it.
    pub fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let style = Style { colour: !json && wants_colour(&stdout) };
        Out { inner: io::BufWriter::with_capacity(64 * 1024, stdout), closed: false, style }
    }

    /// Nobody reads any more.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Writes `document` as the one JSON document of a command.
    pub fn document(&mut self, document: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(document)?;
        writeln!(self, "{text}")
    }

    fn forgive<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.forgive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.forgive(result, ())
    }
}

fn wants_colour(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    /// What is less important.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
    /// What went wrong.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }
    /// What went well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
    /// What deserves a look.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
    /// Names.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// A state of a detonation in its colour.
    pub fn state(self, state: &str) -> String {
        match state {
            "completed" => self.green(state),
            "environment_failed" | "sensor_lost" | "unsealed" => self.red(state),
            _ => self.yellow(state),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_without_colour_adds_nothing() {
        assert_eq!(Style { colour: false }.red("x"), "x");
        assert_eq!(Style { colour: true }.red("x"), "\x1b[31mx\x1b[0m");
    }
}
