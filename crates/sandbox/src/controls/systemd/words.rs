//! Values as units write them: booleans, lists, specifiers, paths with their prefixes, sizes, times.

/// What is wrong with a value, and what to write.
pub(super) type Wrong = (String, String);

/// A boolean in any of systemd's words.
pub(super) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// The words of a list, quotes removed.
pub(super) fn list(value: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in value.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, begun) = (Some(c), true),
            None if c.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// `text` with its specifiers put in; `unit` is the unit's file name.
pub(super) fn specified(text: &str, unit: &str) -> Result<String, Wrong> {
    let name = unit.rsplit('/').next().unwrap_or(unit);
    let prefix = name.rsplit_once('.').map_or(name, |(prefix, _)| prefix);
    let (before, instance) = prefix.split_once('@').unwrap_or((prefix, ""));
    let mut made = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            made.push(c);
            continue;
        }
        let of = chars.next();
        made.push_str(match of {
            Some('%') => "%",
            Some('n') => name,
            Some('N') => prefix,
            Some('p') => before,
            Some('i' | 'I') => instance,
            Some('t') => "/run",
            Some('S') => "/var/lib",
            Some('C') => "/var/cache",
            Some('L') => "/var/log",
            Some('E') => "/etc",
            Some('T') => "/tmp",
            Some('V') => "/var/tmp",
            _ => {
                let what = format!("`%{}` stands for nothing here", of.unwrap_or(' '));
                return Err((what, "write the path itself".into()));
            }
        });
    }
    Ok(made)
}

/// A path with its prefixes: `-` (it may be missing) and `+` (in the unit's own root, which is the only one).
pub(super) fn path(text: &str, unit: &str) -> Result<(String, bool), Wrong> {
    let rest = text.trim_start_matches(['-', '+']);
    let optional = text[..text.len() - rest.len()].contains('-');
    let path = specified(rest, unit)?;
    if !path.starts_with('/') {
        return Err((format!("`{path}` is no absolute path"), "write it from the root, as in `/etc`".into()));
    }
    let trimmed = path.trim_end_matches('/');
    Ok((if trimmed.is_empty() { "/".into() } else { trimmed.into() }, optional))
}

/// A size with systemd's units, which are powers of 1,024; none for `infinity`.
pub(super) fn size(text: &str) -> Result<Option<u64>, Wrong> {
    if text == "infinity" {
        return Ok(None);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].trim_end_matches('B') {
        "" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        "P" => Some(50),
        _ => None,
    };
    let bytes =
        shift.zip(digits.parse::<u64>().ok()).and_then(|(shift, number)| number.checked_mul(1 << shift));
    bytes.map(Some).ok_or_else(|| (format!("`{text}` is no size"), "write it as in `512M`".into()))
}

/// Seconds of a time (`90`, `5min`, `1h 30min`), rounded up; none for `infinity`.
pub(super) fn seconds(text: &str) -> Result<Option<u64>, Wrong> {
    Ok(microseconds(text, 1_000_000)?.map(|us| us.div_ceil(1_000_000)))
}

/// Microseconds of a time; a bare number has the unit `bare`, in microseconds.
pub(super) fn microseconds(text: &str, bare: u64) -> Result<Option<u64>, Wrong> {
    if text == "infinity" {
        return Ok(None);
    }
    let wrong = || (format!("`{text}` is no time"), "write it as in `5min`".to_owned());
    let mut total = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" => bare,
            "us" | "usec" | "µs" => 1,
            "ms" | "msec" => 1_000,
            "s" | "sec" | "second" | "seconds" => 1_000_000,
            "m" | "min" | "minute" | "minutes" => 60_000_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000_000,
            "d" | "day" | "days" => 86_400_000_000,
            _ => return Err(wrong()),
        };
        rest = rest[letters..].trim_start();
        total = number.checked_mul(unit).and_then(|more| total.checked_add(more)).ok_or_else(wrong)?;
    }
    Ok(Some(total))
}
