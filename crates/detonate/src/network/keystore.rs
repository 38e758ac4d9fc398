//! Java's key store (JKS, as the JDK documents it in `sun.security.provider.JavaKeyStore`), as far as it takes to add
//! one trusted certificate.

use sha1::{Digest, Sha1};

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// `magic`, version, number of entries.
const HEAD: usize = 12;
const VERSION: u32 = 2;
/// A certificate, not a key.
const TRUSTED: u32 = 2;
/// The password that every JDK's own store has, and what the digest is salted with beside it.
const PASSWORD: &str = "changeit";
const SALT: &[u8] = b"Mighty Aphrodite";

/// `store` with `certificate` (DER) in it as well; a new store where it is none of this kind.
pub(super) fn with(store: &[u8], certificate: &[u8]) -> Vec<u8> {
    let number = |at: usize| store.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    let digest = store.len().saturating_sub(20);
    let (count, entries) = match (number(4), number(8), store.get(HEAD..digest)) {
        (Some(VERSION), Some(count), Some(entries)) if store.starts_with(&MAGIC) => (count, entries),
        _ => (0, &[][..]),
    };
    let mut out = MAGIC.to_vec();
    out.extend(VERSION.to_be_bytes());
    out.extend((count.saturating_add(1)).to_be_bytes());
    out.extend(entries);
    out.extend(TRUSTED.to_be_bytes());
    text(&mut out, "detektr-run-authority");
    out.extend(0u64.to_be_bytes());
    text(&mut out, "X.509");
    out.extend((certificate.len() as u32).to_be_bytes());
    out.extend(certificate);
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let digest = Sha1::new().chain_update(password).chain_update(SALT).chain_update(&out).finalize();
    out.extend(digest);
    out
}

/// ASCII text with its length before it.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_added_to_those_that_are_there() {
        let one = with(b"", b"first");
        let two = with(&one, b"second");
        assert_eq!((&one[..4], &one[8..12], &two[8..12]), (&MAGIC[..], &[0, 0, 0, 1][..], &[0, 0, 0, 2][..]));
        assert!(two.starts_with(&[&MAGIC[..], &[0, 0, 0, 2, 0, 0, 0, 2], &one[12..one.len() - 20]].concat()));
        assert_eq!(with(b"PKCS12 or anything", b"first"), one);
    }
}
