//! Site files: what the user wants certain names, hosts and paths to answer.

mod form;
pub(crate) mod read;

pub use form::SiteFile;
pub use read::{KEYS, SiteError};

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the file format.
pub const VERSION: u64 = 1;

/// What a site file says. Of several rules that fit, the first one answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Names.
    pub dns: Vec<DnsRule>,
    /// Web requests.
    pub http: Vec<HttpRule>,
    /// Connections that are refused.
    pub refuse: Vec<Refusal>,
    /// SHA-256 over the file and the files that it names, hexadecimal.
    pub sha256: Option<String>,
}

/// Answers for names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsRule {
    /// Which.
    pub name: Pattern,
    /// How.
    pub answer: DnsAnswers,
}

/// How a name is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DnsAnswers {
    /// It does not exist.
    Nxdomain,
    /// It has these records.
    Records {
        /// Addresses of both kinds.
        addresses: Vec<IpAddr>,
        /// Texts.
        txt: Vec<String>,
        /// Another name that it stands for.
        cname: Option<String>,
        /// Mail servers.
        mx: Vec<String>,
    },
}

/// Answers for web requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpRule {
    /// Of which hosts; of all where absent.
    pub host: Option<Pattern>,
    /// For which paths (without the query); for all where absent.
    pub path: Option<Pattern>,
    /// For which method; for all where absent.
    pub method: Option<String>,
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: SiteBody,
    /// How long the answer waits.
    pub delay: Duration,
    /// The connection is broken off in place of an answer.
    pub reset: bool,
}

/// A body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SiteBody {
    /// A text.
    Text(String),
    /// The content of a file of the host's.
    File(PathBuf),
    /// So many zero bytes.
    Zeros(u64),
}

/// A host and port that refuse connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which hosts, by name or address.
    pub host: Pattern,
    /// Which port; every one where absent.
    pub port: Option<u16>,
}

/// A pattern of names or paths: `*` is any text, `?` any one letter; letters count in either case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern(String);

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Pattern::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl Pattern {
    /// The pattern `text`.
    pub fn new(text: &str) -> Pattern {
        Pattern(text.to_ascii_lowercase())
    }

    /// Whether it fits.
    pub fn matches(&self, text: &str) -> bool {
        // Positions of the pattern that are alive are carried along the text, so that none takes long.
        let mut alive = vec![false; self.0.len() + 1];
        alive[0] = true;
        self.spread(&mut alive);
        for byte in text.bytes().map(|byte| byte.to_ascii_lowercase()) {
            let mut next = vec![false; alive.len()];
            for (at, wanted) in self.0.bytes().enumerate().filter(|(at, _)| alive[*at]) {
                match wanted {
                    b'*' => next[at] = true,
                    b'?' => next[at + 1] = true,
                    wanted => next[at + 1] |= wanted == byte,
                }
            }
            self.spread(&mut next);
            alive = next;
        }
        alive[self.0.len()]
    }

    /// A `*` may also be nothing.
    fn spread(&self, alive: &mut [bool]) {
        for (at, byte) in self.0.bytes().enumerate() {
            if alive[at] && byte == b'*' {
                alive[at + 1] = true;
            }
        }
    }
}

impl Site {
    /// Reads the site file `file`; files that it names must be there.
    ///
    /// # Errors
    /// Every mistake in it, with its place.
    pub fn read(file: &Path) -> Result<Site, SiteError> {
        read::read(file)
    }

    /// Reads the text of a site file; `file` names it in errors, and its folder is where relative paths begin.
    ///
    /// # Errors
    /// Every mistake in it, with its place.
    pub fn parse(text: &str, file: &Path) -> Result<Site, SiteError> {
        read::parse(text, file)
    }

    pub(crate) fn dns(&self, name: &str) -> Option<&DnsAnswers> {
        self.dns.iter().find(|rule| rule.name.matches(name)).map(|rule| &rule.answer)
    }

    /// The rule for a request. A tunnel (CONNECT) is no request for a page: only rules that name it are about it.
    pub(crate) fn http(&self, host: &str, path: &str, method: &str) -> Option<&HttpRule> {
        let fits = |rule: &HttpRule| match &rule.method {
            Some(wanted) => wanted.eq_ignore_ascii_case(method),
            None => method != "CONNECT",
        };
        self.http.iter().find(|rule| {
            rule.host.as_ref().is_none_or(|pattern| pattern.matches(host))
                && rule.path.as_ref().is_none_or(|pattern| pattern.matches(path))
                && fits(rule)
        })
    }

    pub(crate) fn refuses(&self, name: Option<&str>, address: IpAddr, port: u16) -> bool {
        self.refuse.iter().any(|rule| {
            rule.port.is_none_or(|wanted| wanted == port)
                && (name.is_some_and(|name| rule.host.matches(name))
                    || rule.host.matches(&address.to_string()))
        })
    }
}

#[cfg(test)]
mod tests;
