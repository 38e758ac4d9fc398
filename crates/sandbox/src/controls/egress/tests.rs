use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn network(text: &str) -> (String, u8, Option<u16>) {
    match Allowed::parse(text).unwrap() {
        Allowed { to: Destination::Network { address, prefix }, port } => (address.to_string(), prefix, port),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_networks_and_ports_are_read() {
    let name = Allowed::parse("Example.ORG:443").unwrap();
    assert_eq!((name.name(), name.port), (Some("example.org"), Some(443)));
    assert_eq!(network("10.0.0.0/8"), ("10.0.0.0".into(), 8, None));
    assert_eq!(network("192.0.2.7:53"), ("192.0.2.7".into(), 32, Some(53)));
    assert_eq!(network("[2001:db8::]/32:53"), ("2001:db8::".into(), 32, Some(53)));
    assert_eq!(network("2001:db8::1"), ("2001:db8::1".into(), 128, None));
    for (wrong, why) in [
        ("*.debian.org", "nobody can know"),
        ("10.0.0.0/33", "prefix"),
        ("a:0", "port"),
        ("a:http", "port"),
        ("10.0.0", "no name"),
        ("a b", "no name"),
        ("[::1", "`]`"),
        ("", "no name"),
        ("a\" accept #", "no name"),
    ] {
        let said = Allowed::parse(wrong).unwrap_err();
        assert!(said.contains(why), "{wrong}: {said}");
    }
}

#[test]
fn an_include_is_found_wherever_a_statement_may_begin() {
    assert_eq!(includes("table inet t {\n}\ninclude \"/etc/x\""), Some(3));
    assert_eq!(includes("table inet t { include 'x'; }"), Some(1));
    assert_eq!(includes("add rule t o accept comment \"a#b\"; include \"x\""), Some(1));
    assert_eq!(includes("# include \"x\"\ntable inet included { }"), None);
}

fn ready() -> bool {
    let found = program().is_some();
    if !found {
        eprintln!("skipped: needs nft (apt-get install nftables)");
    }
    found
}

fn from_file(text: &str) -> Egress {
    Egress::Nftables { file: "rules.nft".into(), text: text.into() }
}

#[test]
fn a_bad_ruleset_is_refused_with_its_file_and_line() {
    if !ready() {
        return;
    }
    let refused = |text: &str| decide("e", &from_file(text), &[]).unwrap_err().remove(0);
    let (code, what, _) = refused("table inet t {\n  chain o { type filter hok output priority 0; }\n}\n");
    assert!(code == "nft_ruleset" && what.starts_with("rules.nft:2:"), "{code}: {what}");
    assert_eq!(refused("include \"/etc/passwd\"").0, "nft_include");
    assert_eq!(refused("# nothing\n").0, "nft_empty");
}

#[test]
fn a_list_is_a_ruleset_that_nft_takes_with_a_counter_on_what_it_refuses() {
    if !ready() {
        return;
    }
    let entries =
        ["example.org:443", "10.0.0.0/8", "[2001:db8::]/32:53"].map(|text| Allowed::parse(text).unwrap());
    let mut list = Egress::Allow { entries: entries.into(), addresses: BTreeMap::new() };
    list.resolve(&|_| vec![Ipv4Addr::new(198, 18, 1, 1).into(), Ipv6Addr::LOCALHOST.into()]);
    let (ruleset, words) = decide("fire.wall", &list, &[]).unwrap();
    assert_eq!(words, ["egress: 1 tables, 2 rules that refuse"]);
    assert!(
        ruleset.text.contains("ip daddr 198.18.1.1/32 meta l4proto { tcp, udp } th dport 443 counter accept")
    );
    let again = decide("fire.wall", &list, &[ruleset]).unwrap_err();
    assert_eq!(again[0].0, "nft_table");
}

#[test]
fn what_was_loaded_is_counted_and_missed_when_it_is_gone() {
    if !ready() {
        return;
    }
    let text = "table inet t {\n chain o {\n type filter hook output priority 0; policy drop;\n ip daddr 192.0.2.1 reject\n }\n}\n";
    let (ruleset, words) = decide("e", &from_file(text), &[]).unwrap();
    assert!(words[1].contains("1 rules refuse without a counter"), "{words:?}");
    let namespace = Namespace::throw_away().unwrap();
    let mut loaded =
        Loaded { namespace: namespace.try_clone().unwrap(), rulesets: vec![ruleset], listing: None };
    assert!(loaded.effects().is_err(), "nothing was loaded");
    loaded.load().unwrap();
    let effects = loaded.effects().unwrap().remove("e").unwrap();
    assert!(!effects.changed);
    assert_eq!(effects.rules[0].rule, "inet t o, rule 2 (by the chain's policy)");
    let takes = "table inet t { }\ndelete table inet t\ntable inet mine { }\n";
    let (other, _) = decide("other", &from_file(takes), &[]).unwrap();
    let mut both = loaded.try_clone().unwrap();
    namespace.load("flush ruleset").unwrap().unwrap();
    both.rulesets.push(other);
    let said = both.load().unwrap_err().to_string();
    assert!(said.contains("another control takes away rules of `e`"), "{said}");
    namespace.load("flush ruleset").unwrap().unwrap();
    loaded.load().unwrap();
    assert_eq!(loaded.refused().unwrap(), BTreeMap::from([("e".to_owned(), 0)]));
    namespace.load("add rule inet t o counter packets 9 bytes 9 drop").unwrap().unwrap();
    assert!(loaded.effects().unwrap()["e"].changed);
    assert!(loaded.refused().unwrap().is_empty(), "a rule of somebody else's");
    namespace.load("flush ruleset").unwrap().unwrap();
    let effects = loaded.effects().unwrap().remove("e").unwrap();
    assert!(effects.changed && effects.rules.is_empty());
}

#[test]
fn only_a_counter_of_exactly_what_is_refused_counts() {
    if !ready() {
        return;
    }
    let rules = "counter drop\n counter log prefix \"x\" reject\n counter limit rate over 9/second drop\n \
                 counter ip daddr 192.0.2.1 drop\n counter name c drop\n ip daddr 192.0.2.1 counter drop\n";
    let text = format!(
        "table inet t {{\n counter c {{ }}\n chain o {{\n type filter hook output priority 0;\n {rules} }}\n}}\n"
    );
    let (ruleset, _) = decide("e", &from_file(&text), &[]).unwrap();
    assert_eq!(ruleset.refusing, (3, 3));
}
