//! From the tree of a site file to the site; every mistake is collected, none is guessed away.

use super::{DnsAnswers, DnsRule, HttpRule, Pattern, Refusal, Site, SiteBody, VERSION};
use detektr_yaml::{Node, Problem, Reader, Value, locate};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The keys at the top of a site file.
pub const KEYS: &[&str] = &["detektr", "dns", "http", "refuse"];
pub(super) const DNS: &[&str] = &["name", "nxdomain", "addresses", "txt", "cname", "mx"];
pub(super) const HTTP: &[&str] =
    &["host", "path", "method", "status", "headers", "body", "file", "zeros", "delay", "reset"];
pub(super) const REFUSE: &[&str] = &["host", "port"];

/// A site file can't be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SiteError {
    /// It can't be read.
    #[error("can't read the site file {}", detektr_yaml::shown(file))]
    #[diagnostic(code(detektr::site::unreadable), help("give a text file that you may read"))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// There are mistakes in it.
    #[error("{} mistake{} in the site file {}", problems.len(), if problems.len() == 1 { "" } else { "s" }, detektr_yaml::shown(file))]
    #[diagnostic(code(detektr::site::invalid))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Each with its place.
        #[related]
        problems: Vec<Problem>,
    },
}

/// Reads the file.
pub(super) fn read(file: &Path) -> Result<Site, SiteError> {
    let unreadable = |source| SiteError::Unreadable { file: file.to_owned(), source };
    parse(&detektr_yaml::text(file).map_err(unreadable)?, file)
}

/// Reads the text.
pub(super) fn parse(text: &str, file: &Path) -> Result<Site, SiteError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let parsed = detektr_yaml::read(text, |reader, node| {
        let mut own = SiteReader { folder, base: std::mem::take(reader) };
        let site = own.site(node);
        *reader = own.base;
        Some(site)
    });
    let invalid = |problems| SiteError::Invalid {
        file: file.to_owned(),
        problems: locate("site", file, text, problems),
    };
    let mut site = parsed.map_err(invalid)?;
    site.sha256 = Some(digest(text, &site)?);
    Ok(site)
}

/// SHA-256 over the text and the content of every file that it names, in the order of the rules.
fn digest(text: &str, site: &Site) -> Result<String, SiteError> {
    let mut all = Sha256::new();
    all.update(Sha256::digest(text));
    for rule in &site.http {
        let SiteBody::File(file) = &rule.body else { continue };
        let unreadable = |source| SiteError::Unreadable { file: file.clone(), source };
        let mut hash = Sha256::new();
        std::io::copy(&mut std::fs::File::open(file).map_err(unreadable)?, &mut hash).map_err(unreadable)?;
        all.update(hash.finalize());
    }
    Ok(all.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct SiteReader<'a> {
    folder: &'a Path,
    base: Reader,
}

impl SiteReader<'_> {
    fn site(&mut self, node: &Node) -> Site {
        let mut site = Site::default();
        let Some(entries) = self.base.map(node, "a site file") else { return site };
        self.base.version(node, entries, "a site file", VERSION);
        for (key, value) in entries {
            match key.text.as_str() {
                "detektr" => {}
                "dns" => site.dns = self.rules(value, "dns", Self::dns),
                "http" => site.http = self.rules(value, "http", Self::http),
                "refuse" => site.refuse = self.rules(value, "refuse", Self::refuse),
                _ => self.base.unknown(key, "a site file", KEYS),
            }
        }
        site
    }

    fn rules<T>(&mut self, node: &Node, name: &str, read: fn(&mut Self, &Node) -> Option<T>) -> Vec<T> {
        let Value::List(items) = &node.value else {
            let what = format!("`{name}` is {}, where a list belongs", node.kind());
            self.base.problem(node, "type", what, "write rules one below the other, each after a `-`");
            return Vec::new();
        };
        items.iter().filter_map(|item| read(self, item)).collect()
    }

    fn dns(&mut self, node: &Node) -> Option<DnsRule> {
        let mut name = None;
        let mut nxdomain = false;
        let mut records = (Vec::new(), Vec::new(), None, Vec::new());
        let mut others = false;
        for (key, value) in self.base.map(node, "a rule of `dns`")? {
            others |= !matches!(key.text.as_str(), "name" | "nxdomain");
            match key.text.as_str() {
                "name" => name = self.pattern(value, "name"),
                "nxdomain" => nxdomain = self.base.truth(value, "nxdomain").unwrap_or(false),
                "addresses" => records.0 = self.addresses(value),
                "txt" => records.1 = self.texts(value, "txt", 255),
                "cname" => records.2 = self.name(value, "cname"),
                "mx" => records.3 = self.texts(value, "mx", 253),
                _ => self.base.unknown(key, "a rule of `dns`", DNS),
            }
        }
        let Some(name) = name else {
            self.base.problem(node, "missing", "a rule of `dns` needs a `name`", "write `name: NAME`");
            return None;
        };
        if nxdomain == others {
            let what = if nxdomain {
                "a name that does not exist has no records"
            } else {
                "a rule without an answer"
            };
            self.base.problem(
                node,
                "conflict",
                what,
                "write either `nxdomain: true`, or `addresses`, `txt`, `cname` or `mx`",
            );
            return None;
        }
        let (addresses, txt, cname, mx) = records;
        let answer =
            if nxdomain { DnsAnswers::Nxdomain } else { DnsAnswers::Records { addresses, txt, cname, mx } };
        Some(DnsRule { name, answer })
    }

    fn http(&mut self, node: &Node) -> Option<HttpRule> {
        let mut rule = HttpRule {
            host: None,
            path: None,
            method: None,
            status: 200,
            headers: Vec::new(),
            body: SiteBody::Text(String::new()),
            delay: Duration::ZERO,
            reset: false,
        };
        let mut bodies = 0;
        for (key, value) in self.base.map(node, "a rule of `http`")? {
            bodies += usize::from(matches!(key.text.as_str(), "body" | "file" | "zeros"));
            match key.text.as_str() {
                "host" => rule.host = self.pattern(value, "host"),
                "path" => rule.path = self.pattern(value, "path"),
                "method" => rule.method = self.base.scalar(value, "method", "a method"),
                "status" => rule.status = self.number(value, "status", 200..=599).unwrap_or(200),
                "headers" => rule.headers = self.headers(value),
                "body" => {
                    if let Value::Scalar { text, .. } = &value.value {
                        rule.body = SiteBody::Text(text.clone());
                    } else {
                        self.base.problem(
                            value,
                            "type",
                            "`body` is no text",
                            "write a text, or `|` and lines below",
                        );
                    }
                }
                "file" => {
                    if let Some(path) = self.file(value) {
                        rule.body = SiteBody::File(path);
                    }
                }
                "zeros" => {
                    if let Some(size) = self.base.size(value, "zeros", 1) {
                        rule.body = SiteBody::Zeros(size);
                    }
                }
                "delay" => rule.delay = self.base.time(value, "delay").unwrap_or_default(),
                "reset" => rule.reset = self.base.truth(value, "reset").unwrap_or(false),
                _ => self.base.unknown(key, "a rule of `http`", HTTP),
            }
        }
        if bodies > 1 {
            let what = "`body`, `file` and `zeros` say the same";
            self.base.problem(node, "conflict", what, "keep one of them");
        }
        Some(rule)
    }

    fn refuse(&mut self, node: &Node) -> Option<Refusal> {
        let mut host = None;
        let mut port = None;
        for (key, value) in self.base.map(node, "a rule of `refuse`")? {
            match key.text.as_str() {
                "host" => host = self.pattern(value, "host"),
                "port" => port = self.number(value, "port", 1..=65_535),
                _ => self.base.unknown(key, "a rule of `refuse`", REFUSE),
            }
        }
        if host.is_none() {
            self.base.problem(
                node,
                "missing",
                "a rule of `refuse` needs a `host`",
                "write `host: '*'` for all",
            );
        }
        Some(Refusal { host: host?, port })
    }

    fn pattern(&mut self, node: &Node, name: &str) -> Option<Pattern> {
        self.base.scalar(node, name, "a name or a pattern").map(|text| Pattern::new(&text))
    }

    fn number(&mut self, node: &Node, name: &str, range: std::ops::RangeInclusive<u16>) -> Option<u16> {
        let text = self.base.scalar(node, name, "a number")?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.base.problem(node, "range", format!("`{name}` can't be `{text}`"), help);
        }
        number
    }

    fn name(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.base.scalar(node, what, "a name")?;
        if simple_dns::Name::new(&text).is_err() {
            self.base.problem(
                node,
                "value",
                format!("`{text}` is no name"),
                "write a name, as in `host.example`",
            );
            return None;
        }
        Some(text)
    }

    fn addresses(&mut self, node: &Node) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for (text, node) in self.list(node, "addresses") {
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => {
                    let help = "write an IPv4 or IPv6 address";
                    self.base.problem(node, "value", format!("`{text}` is no address"), help);
                }
            }
        }
        addresses
    }

    fn texts(&mut self, node: &Node, name: &str, most: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for (text, node) in self.list(node, name) {
            if text.len() > most {
                self.base.problem(node, "range", format!("longer than {most} bytes"), "make several of it");
            } else if name == "mx" && simple_dns::Name::new(&text).is_err() {
                self.base.problem(
                    node,
                    "value",
                    format!("`{text}` is no name"),
                    "write a name, as in `mail.example`",
                );
            } else {
                texts.push(text);
            }
        }
        texts
    }

    fn list<'n>(&mut self, node: &'n Node, name: &str) -> Vec<(String, &'n Node)> {
        let Value::List(items) = &node.value else {
            let what = format!("`{name}` is {}, where a list belongs", node.kind());
            self.base.problem(node, "type", what, format!("write `{name}: [ONE, ANOTHER]`"));
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.base.scalar(item, name, "a text").map(|text| (text, item)))
            .collect()
    }

    fn headers(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (key, value) in self.base.map(node, "`headers`").unwrap_or_default() {
            let Some(text) = self.base.scalar(value, &key.text, "a text") else { continue };
            let name = hyper::header::HeaderName::from_bytes(key.text.as_bytes());
            if name.is_err() || hyper::header::HeaderValue::from_str(&text).is_err() {
                let what = format!("`{}: {text}` is no header", key.text);
                self.base.problem(value, "value", what, "write `name: value`, in ASCII");
                continue;
            }
            headers.push((key.text.to_ascii_lowercase(), text));
        }
        headers
    }

    fn file(&mut self, node: &Node) -> Option<PathBuf> {
        let text = self.base.scalar(node, "file", "a path")?;
        let path = self.folder.join(&text);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Some(path),
            Ok(_) => {
                self.base.problem(node, "value", format!("{} is no file", path.display()), "give a file");
                None
            }
            Err(error) => {
                let what = format!("can't use {}: {error}", path.display());
                self.base.problem(
                    node,
                    "value",
                    what,
                    "give a file that you may read; a relative path begins at the site file's folder",
                );
                None
            }
        }
    }
}
