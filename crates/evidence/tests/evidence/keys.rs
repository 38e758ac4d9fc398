//! Keys: made once, kept private, exchanged with other tools.

use detektr_evidence::{EvidenceError, PublicKey, SigningKey, keys};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn the_own_key_is_made_once_and_is_private() {
    let home = tempfile::tempdir().unwrap();
    let first = keys::load_or_create(home.path()).unwrap();
    let again = keys::load_or_create(home.path()).unwrap();
    assert_eq!(first.public(), again.public());
    let path = keys::own_key_path(home.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn many_first_uses_at_once_get_the_same_key() {
    let home = tempfile::tempdir().unwrap();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let make = || keys::load_or_create(home.path()).unwrap().public().id();
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(ids[0].starts_with("sha256:") && ids[0].len() == 71);
}

#[test]
fn a_key_reads_back_from_pem_and_an_imported_one_becomes_the_own() {
    let home = tempfile::tempdir().unwrap();
    let old = keys::load_or_create(home.path()).unwrap();
    let key = SigningKey::from_bytes(&[9; 32]);
    let file = home.path().join("mine.pem");
    fs::write(&file, key.to_pem()).unwrap();
    assert_eq!(keys::load_public(&file).unwrap(), key.public());
    assert_eq!(keys::import(home.path(), &file).unwrap(), key.public());
    assert_eq!(keys::load_or_create(home.path()).unwrap().public(), key.public());
    let public = keys::export_public(home.path()).unwrap();
    assert_eq!(PublicKey::from_pem(&public).unwrap(), key.public());
    let kept =
        keys::own_key_path(home.path()).with_file_name(format!("signing-{}.pem", &old.public().id()[7..23]));
    assert_eq!(keys::load(&kept).unwrap().public(), old.public());
    assert_eq!(keys::own_public_keys(home.path()).unwrap(), [key.public(), old.public()]);
    assert_eq!(keys::own_public_keys(&home.path().join("none")).unwrap(), []);
}

#[test]
fn a_bad_key_file_is_told_with_what_would_be_right() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("bad.pem");
    fs::write(&file, "-----BEGIN RSA PRIVATE KEY-----\n").unwrap();
    let error = keys::load(&file).err().unwrap();
    assert!(matches!(error, EvidenceError::Key { .. }));
    assert!(error.to_string().contains("openssl genpkey -algorithm ed25519"), "{error}");
}

#[test]
fn keys_are_those_that_openssl_reads_and_writes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("openssl.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&file).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no openssl that makes Ed25519 keys");
        return;
    }
    let key = keys::load(&file).unwrap();
    assert_eq!(key.to_pem(), fs::read_to_string(&file).unwrap());
    let public = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8(public.stdout).unwrap(), key.public().to_pem());
}
