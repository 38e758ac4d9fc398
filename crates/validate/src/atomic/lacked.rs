//! What a test asked for and did not find.

use detektr_evidence::Bundle;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of its errors in which a test's missing programs are looked for.
const ERRORS: u64 = 1 << 20;

/// The commands that shells said they did not find, by what the run wrote as its errors.
///
/// # Errors
/// Where the bundle's file of errors can't be read.
pub fn lacked(bundle: &Bundle) -> io::Result<BTreeSet<String>> {
    let errors = File::open(bundle.path().join("stderr"))?.take(ERRORS);
    let mut found = BTreeSet::new();
    for line in BufReader::new(errors).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let told = line.strip_suffix(": command not found").or_else(|| line.strip_suffix(": not found"));
        found.extend(told.and_then(|told| told.rsplit(": ").next()).map(String::from));
    }
    Ok(found)
}
