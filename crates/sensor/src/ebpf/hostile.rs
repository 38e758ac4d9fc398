//! Whatever bytes come out of a ring, they make records, events or nothing: no panic, and no memory beyond what came.
//! The programs write what they are meant to; this is for a kernel whose types are not what their BTF says.

use super::merge::Merge;
use super::wire::{HEADER, Record, kind_of};
use crate::calls;
use crate::decode::{Decoder, DecoderConfig, Numbers};
use crate::raw::{Abi, Raw};
use detektr_event::SensorName;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// One item: tag, status, the length that it claims, and its bytes.
type Piece = (u16, u16, u32, Vec<u8>);

fn item() -> impl Strategy<Value = Piece> {
    let length = prop_oneof![6 => (0u32..300).boxed(), 1 => any::<u32>().boxed()];
    (0u16..6, 0u16..4, length, vec(any::<u8>(), 0..300), any::<bool>()).prop_map(
        |(tag, status, claimed, bytes, honest)| {
            let claimed = if honest { bytes.len() as u32 } else { claimed };
            (tag, status, claimed, bytes)
        },
    )
}

/// Numbers that a fixed part may hold: small ones as often as any.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![3 => (0u64..8).boxed(), 1 => any::<u64>().boxed(), 1 => (-600i64..0).prop_map(|n| n as u64).boxed()]
}

/// A record of any type, whose call is most often one that the table knows.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let nr = prop_oneof![4 => (0..calls::CALLS.len()).prop_map(number).boxed(), 1 => any::<u32>().boxed()];
    let head = (0u16..kind_of::SENTINEL + 3, any::<u16>(), 0u32..4, 0u32..4);
    (head, vec(word(), 0..16), nr, 0u32..4, vec(item(), 0..8), any::<bool>()).prop_map(
        |((of, kind, tgid, tid), mut words, nr, abi, items, honest)| {
            if let Some(place) = words.get_mut(6) {
                *place = u64::from(nr) | u64::from(abi) << 32;
            }
            let fixed: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut bytes = [7u64, 11].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
            bytes.extend([of.to_le_bytes(), kind.to_le_bytes()].concat());
            let told = if honest { fixed.len() as u32 } else { fixed.len() as u32 / 2 };
            bytes.extend([tgid, tid, 0, told, 0].iter().flat_map(|n| n.to_le_bytes()));
            assert_eq!(bytes.len(), HEADER);
            bytes.extend(fixed);
            for (tag, status, claimed, body) in items {
                bytes.extend([tag.to_le_bytes(), status.to_le_bytes()].concat());
                bytes.extend(claimed.to_le_bytes());
                bytes.extend(body);
            }
            bytes
        },
    )
}

fn number(index: usize) -> u32 {
    let name = calls::CALLS[index].name;
    (0..1024).find(|nr| calls::spec(Abi::X86_64, *nr).is_some_and(|spec| spec.name == name)).unwrap_or(0)
}

/// Everything that the reader does with the bytes of a ring. How many events came of it.
fn read(stream: &[&[u8]]) -> usize {
    let mut merge = Merge::default();
    let mut raws: Vec<Raw> = Vec::new();
    for bytes in stream {
        if let Some(record) = Record::parse(bytes) {
            merge.take(record, &mut raws);
        }
    }
    merge.rest(&mut raws);
    let mut decoder = Decoder::new(DecoderConfig {
        sensor: SensorName::Ebpf,
        environment: Numbers::default(),
        boot_to_wall_ns: i64::MAX,
    });
    let mut events = Vec::new();
    for raw in raws {
        decoder.decode(raw, &mut events);
    }
    for event in &events {
        serde_json::to_string(event).expect("every event has its JSON");
    }
    let _ = decoder.holes();
    events.len()
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(8), ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn no_bytes_of_a_ring_break_the_reader(stream in vec(vec(any::<u8>(), 0..400), 0..20)) {
        read(&stream.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn no_record_in_any_order_breaks_the_reader(stream in vec(record(), 1..40)) {
        read(&stream.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn a_record_may_be_cut_anywhere(record in record(), other in record(), end: prop::sample::Index) {
        read(&[&record[..end.index(record.len())], &other]);
    }
}

#[test]
fn what_is_made_up_here_reaches_the_decoder() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let streams = vec(record(), 40);
    let events: usize = (0..50)
        .map(|_| {
            let stream = streams.new_tree(&mut runner).expect("a value").current();
            read(&stream.iter().map(Vec::as_slice).collect::<Vec<_>>())
        })
        .sum();
    assert!(events > 500, "{events} events of 2,000 records: most were nonsense from the first byte");
}
