//! How the run's certificate authority comes to be trusted inside: by the system's store, by the variables that
//! programs with stores of their own go by, and by Java's key store.

use super::keystore;
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
/// Where Java's key store is; that of a JDK itself is found below these.
const KEY_STORES: [&str; 2] = ["/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts"];
const JDKS: [&str; 3] = ["/usr/lib/jvm", "/opt/java", "/opt"];
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
    let bundles = BUNDLES.iter().enumerate().filter_map(|(number, path)| {
        // only what really is the file: a link may lead to another of them
        let file = here(path);
        let real = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        let mut content = if real { std::fs::read(&file).unwrap_or_default() } else { Vec::new() };
        if content.last().is_some_and(|last| *last != b'\n') {
            content.push(b'\n');
        }
        content.extend(certificate.as_bytes());
        (real || number == 0).then(|| (PathBuf::from(path), content))
    });
    let stores = key_stores(root).into_iter().map(|path| {
        let store = std::fs::read(here(&path.to_string_lossy())).unwrap_or_default();
        (path, keystore::with(&store, authority.der()))
    });
    bundles.chain(stores).collect()
}

/// Java's key stores that are real files of this root file system, by their place in it.
fn key_stores(root: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = KEY_STORES.iter().map(PathBuf::from).collect();
    for folder in JDKS {
        let jdks = std::fs::read_dir(root.join(folder.trim_start_matches('/')));
        for jdk in jdks.into_iter().flatten().flatten() {
            places.push(Path::new(folder).join(jdk.file_name()).join("lib/security/cacerts"));
        }
    }
    let real = |place: &PathBuf| {
        let file = root.join(place.strip_prefix("/").unwrap_or(place));
        file.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
    };
    places.retain(real);
    places
}
