//! Properties of every format: what is written reads back, and what is odd is refused.

use crate::common::{exit, key, manifest, start};
use detektr_event::Event;
use detektr_evidence::stream::{EventReader, EventWriter, StreamEnd};
use detektr_evidence::{
    BundleWriter, Change, ChangeKind, FileState, FileType, Manifest, changes, dsse, schema, seal, verify,
};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = detektr_event::Text> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(Into::into)
}

fn file_state() -> impl Strategy<Value = FileState> {
    (any::<u16>(), any::<u32>(), proptest::option::of(any::<i64>()), proptest::option::of(text())).prop_map(
        |(mode, uid, mtime_ns, target)| FileState {
            file_type: if target.is_some() { FileType::Symlink } else { FileType::File },
            mode: u32::from(mode),
            uid,
            gid: uid,
            size: Some(u64::from(uid) << 20),
            mtime_ns,
            sha256: None,
            stored: false,
            target,
            device: None,
            xattrs: [("user.x".to_owned(), "00".to_owned())].into(),
            hard_link: Some([1, u64::from(mode)]),
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    (text(), proptest::option::of(file_state()), proptest::option::of(file_state())).prop_map(
        |(path, before, after)| Change {
            path,
            change: ChangeKind::Modified,
            before,
            after,
            unreadable: None,
        },
    )
}

proptest! {
    #[test]
    fn changes_read_back_as_written(list in proptest::collection::vec(change(), 0..8)) {
        let mut bytes = Vec::new();
        changes::write(&list, &mut bytes).unwrap();
        prop_assert_eq!(changes::read(bytes.as_slice()).unwrap(), list);
    }

    #[test]
    fn a_manifest_reads_back_as_written(run in "[a-z0-9]{1,20}", seen in any::<u64>(), note in ".*") {
        let mut written = manifest(&run);
        written.output.stdout.seen = seen;
        written.mark_incomplete("test", note);
        let bytes = serde_json::to_vec_pretty(&written).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Manifest>(&bytes).unwrap(), written);
    }

    #[test]
    fn a_stream_cut_anywhere_yields_its_beginning(codes in proptest::collection::vec(any::<u8>(), 1..60),
                                                  flush in 1..10usize, cut in 0.0..1.0f64) {
        let mut writer = EventWriter::new(Vec::new()).unwrap();
        for (i, code) in codes.iter().enumerate() {
            writer.event(&mut exit(*code)).unwrap();
            if i % flush == 0 {
                writer.flush().unwrap();
            }
        }
        let bytes = writer.finish().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                 reason = "a place within a short buffer")]
        let length = (bytes.len() as f64 * cut) as usize;
        let mut reader = EventReader::new(&bytes[..length]).unwrap();
        let read: Vec<Event> = reader.by_ref().map_while(Result::ok).collect();
        prop_assert!(read.len() <= codes.len());
        for (i, event) in read.iter().enumerate() {
            prop_assert_eq!(event.seq, i as u64 + 1);
            prop_assert_eq!(&event.detail, &exit(codes[i]).detail);
        }
        let whole: Vec<_> = EventReader::new(bytes.as_slice()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(whole.len(), codes.len());
    }

    #[test]
    fn an_attestation_with_any_byte_changed_is_refused(position in any::<prop::sample::Index>(), bit in 0..8u32) {
        let dir = tempfile::tempdir().unwrap();
        let writer = BundleWriter::create(dir.path(), &start("run")).unwrap();
        let bundle = writer.seal(manifest("run"), &key(3)).unwrap();
        let mut bytes = std::fs::read(bundle.path().join("attestation.dsse.json")).unwrap();
        seal::read(&bytes).unwrap();
        let position = position.index(bytes.len());
        bytes[position] ^= 1 << bit;
        prop_assert!(seal::read(&bytes).is_err());
    }
}

#[test]
fn a_stream_out_of_order_is_broken_where_it_is() {
    let mut first = exit(0);
    first.seq = 1;
    let mut third = exit(0);
    third.seq = 3;
    let mut lines = serde_json::to_vec(&first).unwrap();
    lines.push(b'\n');
    lines.extend(serde_json::to_vec(&third).unwrap());
    lines.push(b'\n');
    let bytes = zstd::encode_all(lines.as_slice(), 1).unwrap();
    let mut reader = EventReader::new(bytes.as_slice()).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
    assert!(matches!(reader.end(), Some(StreamEnd::Broken { line: 2, .. })));
}

#[test]
fn the_pre_authentication_encoding_is_that_of_dsse() {
    let bytes = dsse::pae("http://example.com/HelloWorld", b"hello world");
    assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn a_manifest_of_another_format_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let writer = BundleWriter::create(dir.path(), &start("run")).unwrap();
    let bundle = writer.seal(manifest("run"), &key(1)).unwrap();
    let path = bundle.path().join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("detektr.bundle/1", "detektr.bundle/2");
    std::fs::write(&path, text).unwrap();
    let error = detektr_evidence::Bundle::open(bundle.path()).unwrap_err().to_string();
    assert!(error.contains("detektr.bundle/2") && error.contains("detektr.bundle/1"), "{error}");
    assert!(verify(bundle.path(), None).problems.iter().any(|p| p.code == "manifest_malformed"));
}

#[test]
fn every_document_has_a_schema_that_names_its_fields() {
    for (schema, field) in
        [(schema::manifest(), "ledger"), (schema::change(), "path"), (schema::start(), "run")]
    {
        assert!(schema["properties"][field].is_object(), "{field}");
        assert_eq!(schema["additionalProperties"], false, "{field}");
    }
}
