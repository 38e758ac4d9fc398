//! A bundle from its first event to its seal, and what verification finds afterwards.

use crate::common::{exit, key, manifest, small_bundle, start};
use detektr_evidence::{
    Bundle, BundleWriter, EvidenceError, State, leftovers, recover, seal, stream, verify,
};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

fn codes(path: &Path) -> Vec<String> {
    let found = verify(path, Some(&key(1).public()));
    found.problems.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn a_sealed_bundle_reads_back_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let manifest = bundle.manifest();
    assert_eq!((manifest.events, manifest.complete, manifest.state), (2, true, State::Completed));
    assert_eq!((manifest.output.stdout.seen, manifest.output.stdout.kept), (11, 5));
    let events: Vec<_> = bundle.events().unwrap().map(Result::unwrap).collect();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bundle.changes().unwrap().len(), 1);
    let mut kept = String::new();
    bundle.stdout().unwrap().read_to_string(&mut kept).unwrap();
    assert_eq!(kept, "hello");
    assert_eq!(verify(bundle.path(), Some(&key(1).public())).problems, []);
    assert!(!dir.path().join("run-1.partial").exists());
}

#[test]
fn any_flipped_bit_in_any_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let mut names: Vec<String> = bundle.manifest().files.keys().cloned().collect();
    names.extend(["manifest.json".to_owned(), "attestation.dsse.json".to_owned()]);
    let mut flips = 0;
    for name in names {
        let path = bundle.path().join(&name);
        let good = fs::read(&path).unwrap();
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1 << (position % 8);
            fs::write(&path, &bad).unwrap();
            assert!(!codes(bundle.path()).is_empty(), "{name}: byte {position}");
            flips += 1;
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(flips > 1000, "{flips}");
    assert_eq!(codes(bundle.path()), [""; 0]);
}

#[test]
fn no_bit_of_an_attestation_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let mut bytes = fs::read(bundle.path().join("attestation.dsse.json")).unwrap();
    assert!(seal::read(&bytes).is_ok());
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(seal::read(&bytes).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn missing_added_and_odd_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let root = bundle.path();
    for name in ["stdout", "events.ndjson.zst", "manifest.json", "attestation.dsse.json", "changes.ndjson"] {
        let away = dir.path().join("away");
        fs::rename(root.join(name), &away).unwrap();
        let found = verify(root, None);
        assert!(found.problems.iter().any(|p| p.code == "missing_file" && p.file == name), "{name}");
        // the same content behind a symbolic link is not the file
        std::os::unix::fs::symlink(&away, root.join(name)).unwrap();
        let found = verify(root, None);
        assert!(found.problems.iter().any(|p| p.code == "not_a_file" && p.file == name), "{name}");
        fs::remove_file(root.join(name)).unwrap();
        fs::rename(&away, root.join(name)).unwrap();
    }
    for name in ["extra", "network.pcapng", "files/0", ".hidden"] {
        fs::write(root.join(name), "x").unwrap();
        assert_eq!(codes(root), ["added_file"], "{name}");
        fs::remove_file(root.join(name)).unwrap();
    }
    fs::create_dir(root.join("folder")).unwrap();
    assert_eq!(codes(root), ["not_a_file"]);
    fs::remove_dir(root.join("folder")).unwrap();
    assert_eq!(codes(root), [""; 0]);
}

#[test]
fn a_truncated_stream_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let path = bundle.path().join("events.ndjson.zst");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(codes(bundle.path()).contains(&"wrong_size".to_owned()), "{length}");
    }
}

#[test]
fn a_foreign_key_is_told_from_the_own() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(2));
    assert_eq!(codes(bundle.path()), ["foreign_key"]);
    let found = verify(bundle.path(), None);
    assert!(found.is_good());
    assert_eq!(found.signer.unwrap(), key(2).public());
}

#[test]
fn a_crash_leaves_what_was_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::create(dir.path(), &start("run-1")).unwrap();
    for code in 0..100 {
        writer.event(exit(code)).unwrap();
    }
    writer.flush().unwrap();
    writer.event(exit(200)).unwrap();
    let partial = writer.path().to_owned();
    assert!(matches!(recover(&partial), Err(EvidenceError::InUse(_))));
    assert!(leftovers(dir.path()).unwrap().is_empty());
    // a copy is what a crash leaves: nobody holds its lock
    let crashed = tempfile::tempdir().unwrap();
    let copy = crashed.path().join("run-1.partial");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(&partial).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let found = leftovers(crashed.path()).unwrap();
    assert_eq!((found.len(), found[0].run()), (1, "run-1"));
    assert_eq!(found[0].start(), Some(&start("run-1")));
    let readable = found[0].readable().unwrap();
    assert_eq!(readable.events, 100);
    assert!(matches!(readable.end, stream::StreamEnd::Truncated { .. }), "{readable:?}");
    assert!(matches!(Bundle::open(&copy), Err(EvidenceError::NotABundle { .. })));
    assert!(codes(&copy).contains(&"unsealed".to_owned()));
}

#[test]
fn a_manifest_never_claims_more_than_it_shows() {
    let dir = tempfile::tempdir().unwrap();
    let writer = BundleWriter::create(dir.path(), &start("run-1")).unwrap();
    let mut lossy = manifest("run-1");
    lossy.ledger.0.entry(detektr_event::Kind::FileOpen).or_default().dropped = 3;
    lossy.sentinel = false;
    let bundle = writer.seal(lossy, &key(1)).unwrap();
    let reasons: Vec<&str> = bundle.manifest().incomplete.iter().map(|hole| hole.reason.as_str()).collect();
    assert_eq!(reasons, ["no_sentinel", "events_dropped", "ledger_unbalanced"]);
    assert!(!bundle.manifest().complete);
    assert_eq!(codes(bundle.path()), [""; 0]);
}

#[test]
fn a_run_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    small_bundle(dir.path(), "run-1", &key(1));
    assert!(matches!(BundleWriter::create(dir.path(), &start("run-1")), Err(EvidenceError::Exists(_))));
    for bad in ["", "a/b", "..", ".x", "x.partial", "-x"] {
        assert!(
            matches!(BundleWriter::create(dir.path(), &start(bad)), Err(EvidenceError::RunId(_))),
            "{bad}"
        );
    }
}

#[test]
fn an_export_is_deterministic_and_reads_and_verifies_as_the_folder_does() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = small_bundle(dir.path(), "run-1", &key(1));
    let (one, two) = (dir.path().join("one.tar.zst"), dir.path().join("two.tar.zst"));
    bundle.export(&one).unwrap();
    bundle.export(&two).unwrap();
    let bytes = fs::read(&one).unwrap();
    assert_eq!(bytes, fs::read(&two).unwrap());
    assert_eq!(codes(&one), [""; 0]);
    let opened = Bundle::open(&one).unwrap();
    assert_eq!(opened.manifest(), bundle.manifest());
    assert_eq!(opened.events().unwrap().count(), 2);
    for position in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[position] ^= 1 << (position % 8);
        fs::write(&two, &bad).unwrap();
        assert!(!codes(&two).is_empty(), "byte {position}");
        fs::write(&two, &bytes[..position]).unwrap();
        assert!(!codes(&two).is_empty(), "first {position} bytes");
    }
}

#[test]
fn an_archive_with_tricks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("x.tar.zst");
    let entry = |name: &str, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        // `set_path` refuses what an attacker would write
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        header
    };
    for (name, kind) in [
        ("run/../../../etc/cron.d/x", tar::EntryType::Regular),
        ("/etc/x", tar::EntryType::Regular),
        ("run/stdout", tar::EntryType::Symlink),
        ("run/stdout", tar::EntryType::Link),
        ("run/files", tar::EntryType::Directory),
        ("../stdout", tar::EntryType::Regular),
    ] {
        let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        tar.append(&entry(name, kind), &[][..]).unwrap();
        let mut file = fs::File::create(&archive).unwrap();
        file.write_all(&tar.into_inner().unwrap().finish().unwrap()).unwrap();
        assert!(matches!(Bundle::open(&archive), Err(EvidenceError::Malformed { .. })), "{name}");
    }
}
