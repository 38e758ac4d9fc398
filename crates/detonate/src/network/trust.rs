//! How the run's certificate authority comes to be trusted inside: by the system's store, by the variables that
//! programs with stores of their own go by, and by Java's key store.

use detektr_netsim::Authority;
use std::path::{Path, PathBuf};

/// Where systems keep the certificates of all authorities in one file; the first is there in any case.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];
/// Programs with a store of their own take one from these.
const VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
];

/// The variables, each with its value.
pub(super) fn variables() -> Vec<(String, String)> {
    VARIABLES.iter().map(|name| ((*name).to_owned(), BUNDLES[0].to_owned())).collect()
}

/// The files to place, with their content. What authorities the root file system trusts already stay trusted.
pub(super) fn files(authority: &Authority, root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let certificate = authority.pem();
    let here = |path: &str| root.join(path.trim_start_matches('/'));
    BUNDLES
        .iter()
        .enumerate()
        .filter_map(|(number, path)| {
            // only what really is the file: a link may lead to another of them
            let file = here(path);
            let real = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            let mut content = if real { std::fs::read(&file).unwrap_or_default() } else { Vec::new() };
            if content.last().is_some_and(|last| *last != b'\n') {
                content.push(b'\n');
            }
            content.extend(certificate.as_bytes());
            (real || number == 0).then(|| (PathBuf::from(path), content))
        })
        .collect()
}
